"""Part of *Completion*: a conversation with a model that was tuned on some."""

import gradio as gr

from .completion import NEEDS as A_LANGUAGE_MODEL
from .completion import QUEUE
from .studio import MAX_SEED
from .studio import named
from .studio import number
from .studio import sentences
from .studio import sorry
from .studio import whole
from .texts import text
from .widgets import seed_box

PART_OF = "completion"
TITLE = "Chat"
ORDER = 20
OPEN = True  # what was tuned for this is here for this
NEEDS = (*A_LANGUAGE_MODEL, "chat", "chat_template")

MAX_MESSAGE = 2000  # characters
MAX_MESSAGES = 200
MAX_ANSWER = 300  # tokens
TEMPERATURES = (0.05, 2.0)


def said(conversation):
    """What a chat box holds as messages for `model.chat`, or a sentence: an API caller may send anything."""
    if conversation is None:
        return []
    if not isinstance(conversation, list) or len(conversation) > MAX_MESSAGES:
        raise sorry(f"Conversation: expected a list of at most {MAX_MESSAGES} messages.")
    messages = []
    for message in conversation:
        role, content = (message.get(name) if isinstance(message, dict) else None for name in ("role", "content"))
        if isinstance(content, list):  # as the chat box sends it, in parts
            parts = [part.get("text") if isinstance(part, dict) else part for part in content]
            content = "".join(part for part in parts if isinstance(part, str))
        if role not in ("user", "assistant"):
            raise sorry("Conversation: expected messages of the roles user and assistant.")
        messages.append({"role": role, "content": text("Conversation", content, MAX_MESSAGE)})
    return messages


def build(studio, model, prompt):
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            question = gr.Textbox("", label="You", lines=2, max_lines=8, max_length=MAX_MESSAGE)
            system = gr.Textbox("", label="System", max_length=MAX_MESSAGE, placeholder="How to answer, if you like")
            most = gr.Slider(1, MAX_ANSWER, 100, step=1, label="Tokens", info="of an answer, at most")
            low, high = TEMPERATURES
            temperature = gr.Slider(low, high, 0.7, step=0.05, label="Warmth", info="below 1 keeps to what is likely")
            seed = seed_box()
            ask = gr.Button("Ask", variant="primary")
            with gr.Row():
                anew = gr.Button("Begin anew", min_width=110)
                stop = gr.Button("Stop", variant="stop", min_width=70)
        with gr.Column(scale=2, min_width=320):
            chat = gr.Chatbot(label="Conversation", render_markdown=False, height=420, feedback_options=None)

    @sentences
    def chat_with_model(model, conversation, question, system, max_new_tokens, temperature, seed):
        question = text("You", question, MAX_MESSAGE)
        system = text("System", system, MAX_MESSAGE)
        max_new_tokens = whole("Tokens", max_new_tokens, 1, MAX_ANSWER)
        temperature = number("Warmth", temperature, *TEMPERATURES)
        seed = whole("Seed", seed, 0, MAX_SEED)
        talk = [*said(conversation), {"role": "user", "content": question}]
        if not question.strip():
            raise sorry("You: write something first.")
        studio.facts(model, *NEEDS)
        yield talk, ""  # between two steps Stop takes hold
        from kgen.decoding import TopP  # brings keras

        writer, answer = studio.model(model, *NEEDS), ""
        yield gr.skip(), gr.skip()
        told = [{"role": "system", "content": system}] if system.strip() else []
        options = {"seed": seed, "stream": True, "truncate": True}
        for piece in writer.chat([*told, *talk], max_new_tokens, TopP(0.9, temperature), **options):
            answer += piece
            yield [*talk, {"role": "assistant", "content": answer}], gr.skip()
        if not answer:
            yield [*talk, {"role": "assistant", "content": "(says nothing)"}], gr.skip()

    named(chat_with_model, "model", "conversation", "question", "system", "max_new_tokens", "temperature", "seed")
    inputs, outputs = [model, chat, question, system, most, temperature, seed], [chat, question]
    running = gr.on([ask.click, question.submit], chat_with_model, inputs, outputs, api_name="chat", **QUEUE)
    stop.click(None, cancels=[running], api_name="stop_chat")
    anew.click(None, None, chat, js="() => []", api_name="begin_chat_anew")

    def forget_chat(model):
        return None

    model.change(
        forget_chat,
        model,
        chat,
        queue=False,
        preprocess=False,
        show_progress="hidden",
        api_name="forget_chat",
        api_visibility="private",
    )

"""Calls of the studio as `curl` would make them: two requests each, so that many may be under way at once."""

import json
import urllib.request


def answer_of(address, api_name, data):
    """What an endpoint answers in the end, or the sentence with which it refuses."""
    url = f"{address}gradio_api/call/{api_name}"
    request = urllib.request.Request(url, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{url}/{event}") as answer:
        *_, last = (line for line in answer.read().decode().splitlines() if line.startswith("data: "))
    return json.loads(last.removeprefix("data: "))

"""What a function of tensors does, written down once as a list of plain operations, and that list made shorter.

A step of a decoding loop is a hundred layer calls around a few hundred small operations; on a CPU PyTorch spends more
time in Python than in them. `recorded` runs the function once with tensors that have no contents and keeps what reaches
PyTorch's core. Layers, checks and casts that change nothing are gone; what is equal in each layer is computed once.
"""

import operator

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from kgen.backend import torch_packed

aten = torch.ops.aten

ONEDNN = torch.ops.mkldnn._linear_pointwise.default
VIEWS = (aten.view.default, aten._unsafe_view.default, aten.expand.default, aten.reshape.default)
SAME = (*VIEWS, aten.slice.Tensor, aten.alias.default, aten.detach.default, aten._to_copy.default)
WORTH_THREADS = 1 << 19  # elements of a matrix
LARGEST_CONSTANT = 1 << 16  # elements; larger ones are computed each time, as the function says

# The same functions by the door that Python enters fastest: half of a microsecond to two saved each time.
DOORS = {
    aten.view.default: torch.Tensor.view,
    aten._unsafe_view.default: torch.Tensor.view,
    aten.unsqueeze.default: torch.unsqueeze,
    aten.permute.default: torch.permute,
    aten.mm.default: torch.mm,
    aten.bmm.default: torch.bmm,
    aten.add.Tensor: torch.add,
    aten.mul.Tensor: torch.mul,
    aten.sub.Tensor: torch.sub,
    aten.where.self: torch.where,
    aten.native_layer_norm.default: torch.native_layer_norm,
    aten._softmax.default: torch._softmax,
    aten.index_copy_.default: torch.Tensor.index_copy_,
    aten.expand.default: torch.Tensor.expand,
    aten.logical_and.default: torch.logical_and,
    aten.embedding.default: torch.embedding,
    aten._int_mm.default: torch._int_mm,
    aten.abs.default: torch.abs,
    aten.amax.default: torch.amax,
    aten.as_strided.default: torch.as_strided,
    aten.clamp.Tensor: torch.clamp,
    aten.clone.default: torch.clone,
    aten.div.Tensor: torch.div,
    aten.gelu.default: torch.nn.functional.gelu,
    aten.round.decimals: torch.round,
    aten.sum.dim_IntList: torch.sum,
}


class NotRecordable(Exception):
    """The function does what a list of operations cannot: it draws random numbers, or assigns a variable."""


def recorded(function, inputs, weights=0):
    """A function equal to `function` for tensors of the same shapes, strides and types.

    Args:
        function: maps tensors to a list of tensors. Writing into its inputs is part of what it does.
        inputs: list of tensors; they are not touched.
        weights: so many of the inputs come first that no step of a loop changes.

    Raises:
        NotRecordable: it draws random numbers.
        Exception: whatever PyTorch raises where Python looks at a tensor's contents to decide what to do.
    """
    module = make_fx(function, tracing_mode="fake")(*inputs)
    graph = module.graph
    for node in filter(_is_operation, graph.nodes):
        if torch.Tag.nondeterministic_seeded in node.target.tags and _argument(node, "dropout_p") != 0.0:
            raise NotRecordable(f"{node.target} draws random numbers")
    _shorten(module, _written_or_returned(graph))
    places = _hand_over_matrices(graph, weights)
    for node in graph.nodes:
        if node.target is aten._to_copy.default and list(node.kwargs) == ["dtype"]:
            same = _value(node).dtype == _value(node.args[0]).dtype
            node.target = node.target if same else torch.Tensor.to  # which does not copy what has the type already
        elif node.op == "call_function":
            node.target = DOORS.get(node.target, node.target)
    module.recompile()
    forward = module.forward
    if not places:
        return forward
    return lambda *inputs: forward(*inputs, *torch_packed.matrices(places, inputs))


def _shorten(module, fragile):
    """Forward over the list: drop what changes nothing, compute what is constant, and do nothing twice."""
    graph, seen, constants = module.graph, {}, {}
    for node in graph.nodes:
        if node.op == "get_attr":
            constants[node] = getattr(module, node.target)
        if node.op != "call_function":
            continue
        _choose_product(graph, node)
        _skip_views(node)
        if _changes_nothing(node) and not (node.target is aten._to_copy.default and node in fragile):
            node.replace_all_uses_with(node.args[0])
            continue
        touched = (node, *node.all_input_nodes)
        if any(one in fragile for one in touched) or (_is_operation(node) and node.target._schema.is_mutable):
            continue
        key = (node.target, _hashable(node.args), _hashable(node.kwargs))
        if key in seen:
            node.replace_all_uses_with(seen[key])
            continue
        seen[key] = node
        if _is_operation(node) and all(one in constants for one in node.all_input_nodes):
            value = _computed(node, constants)
            if value is not None:
                name = f"constant_{len(constants)}"
                setattr(module, name, value)
                with graph.inserting_before(node):
                    seen[key] = graph.create_node("get_attr", name)
                constants[seen[key]] = value
                node.replace_all_uses_with(seen[key])
    for node in reversed(graph.nodes):
        changes = _is_operation(node) and node.target._schema.is_mutable
        if not node.users and not changes and node.op not in ("placeholder", "output"):
            graph.erase_node(node)


def _written_or_returned(graph):
    """The nodes that share memory with something that is written to, or with a result."""
    owner, owners = {}, set()
    for node in graph.nodes:
        owner[node] = node
        if node.op == "output":
            owners.update(owner[one] for one in node.all_input_nodes)
        elif node.target is operator.getitem or node.target in VIEWS:
            owner[node] = owner[node.args[0]]
        elif _is_operation(node):
            for argument, value in zip(node.target._schema.arguments, node.args, strict=False):
                if argument.alias_info is not None and isinstance(value, torch.fx.Node):
                    owner[node] = owner[value]
                    if argument.alias_info.is_write:
                        owners.add(owner[value])
    return {node for node in owner if owner[node] in owners}


def _choose_product(graph, node):
    """The fastest kernel of a matrix product on a CPU, by what was measured with two threads on Zen 4 and 5."""
    if node.target is aten.addmm.default and not node.kwargs and _value(node).device.type == "cpu":
        _choose_sum(graph, node)
    if node.target is not aten.mm.default or _value(node).device.type != "cpu":
        return
    narrow = [one.args[0] if one.target is aten._to_copy.default else one for one in node.args]
    if all(_value(one).dtype == torch.int8 for one in narrow):
        # int8 · int8 summed up in int32: there is a kernel for it, many times as fast as widening both before.
        node.target, node.args = aten._int_mm.default, tuple(narrow)
        return
    if _value(node).dtype != torch.float32 or torch.are_deterministic_algorithms_enabled():
        return
    left, right = node.args
    (rows, inner), columns = _value(left).shape, _value(right).shape[1]
    parts = _parts(inner, columns)
    if rows > 1 and torch.backends.mkldnn.is_available():
        # oneDNN uses all of the processor's vector width, MKL not on every make: 1.2 to 2 times as fast.
        with graph.inserting_before(node):
            twice = right.target is aten.permute.default  # a table of embeddings, read the other way round
            turned = right.args[0] if twice else _new(graph, aten.permute.default, right, [1, 0])
        node.target, node.args = ONEDNN, (left, turned, None, "none", [], "")
    elif rows == 1 and columns > 1 and _value(left).is_contiguous() and _value(right).stride() == (1, inner):
        # A matrix times a column: a batch of two halves runs at twice the speed of the whole, if the column's strides
        # are these. With an odd number of columns the halves overlap by one.
        half = -(-columns // 2)
        with graph.inserting_before(node):
            shape, strides = [2, half, inner], [(columns - half) * inner, inner, 1]
            halves = _new(graph, aten.as_strided.default, right, shape, strides)
            column = _new(graph, aten.as_strided.default, left, [2, inner, 1], [0, 1, inner])
            both = _new(graph, aten.bmm.default, halves, column)
            both = _new(graph, aten.view.default, both, [1, 2 * half])
            if columns % 2:
                first = _new(graph, aten.slice.Tensor, both, 1, 0, half)
                second = _new(graph, aten.slice.Tensor, both, 1, half + 1, 2 * half)
                both = _new(graph, aten.cat.default, [first, second], 1)
        node.replace_all_uses_with(both)
    elif rows == 1 and parts > 1 and _value(left).is_contiguous() and _value(right).is_contiguous():
        # A row times a matrix runs on one thread, a batch on all: let each take a part of the row, and sum.
        with graph.inserting_before(node):
            row = _new(graph, aten.view.default, left, [parts, 1, inner // parts])
            pieces = _new(graph, aten.view.default, right, [parts, inner // parts, columns])
            total = _new(graph, aten.sum.dim_IntList, _new(graph, aten.bmm.default, row, pieces), [0])
        node.replace_all_uses_with(total)


def _choose_sum(graph, node):
    """The same of a product and a sum: oneDNN does both at once, else they become two operations."""
    bias, left, right = node.args
    with graph.inserting_before(node):
        product = _new(graph, aten.mm.default, left, right)
    node.target, node.args = aten.add.Tensor, (product, bias)
    _choose_product(graph, product)
    if product.target is ONEDNN:
        node.target, node.args = ONEDNN, (*product.args[:2], bias, *product.args[3:])


def _hand_over_matrices(graph, weights):
    """Let oneDNN's products take weights from further inputs, where they may come packed; returns their places."""
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    places, handed = [], {}
    for node in [one for one in graph.nodes if one.target is ONEDNN]:
        matrix = node.args[1]
        turned = matrix.target is aten.permute.default
        weight = matrix.args[0] if turned else matrix
        if weight not in inputs[:weights]:
            continue
        if (weight, turned) not in handed:
            with graph.inserting_after(inputs[-1]):
                inputs.append(graph.placeholder(f"matrix_{len(places)}"))
            handed[weight, turned] = inputs[-1]
            places.append(torch_packed.Place(inputs.index(weight), turned, _value(node).shape[0]))
        node.replace_input_with(matrix, handed[weight, turned])
        if not matrix.users and matrix.op != "placeholder":
            graph.erase_node(matrix)
    return places


def _parts(inner, columns):
    """In how many parts a row times a matrix is computed: one for each thread, where it is worth waking them."""
    threads = torch.get_num_threads()
    return threads if inner * columns >= WORTH_THREADS and inner % threads == 0 else 1


def _new(graph, target, *args):
    node = graph.call_function(target, args)
    node.meta["val"] = target(*torch.fx.node.map_arg(args, _value))
    return node


def _skip_views(node):
    """A view of a view is a view, where the elements lie in order."""
    while node.target in VIEWS[:2] and node.args[0].target in VIEWS[:2]:
        if not _value(node.args[0].args[0]).is_contiguous():
            return
        node.args = (node.args[0].args[0], node.args[1])


def _changes_nothing(node):
    if node.target not in SAME or not isinstance(node.args[0], torch.fx.Node):
        return False
    before, after = _value(node.args[0]), _value(node)
    return (before.shape, before.stride(), before.dtype, before.device) == (
        after.shape,
        after.stride(),
        after.dtype,
        after.device,
    )


def _computed(node, constants):
    """The value of a node all of whose inputs are constants; None if it is no small tensor."""
    value = _value(node)
    if not isinstance(value, torch.Tensor) or value.numel() > LARGEST_CONSTANT:
        return None
    args, kwargs = torch.fx.node.map_arg((node.args, node.kwargs), constants.__getitem__)
    return node.target(*args, **kwargs)


def _value(node):
    return node.meta["val"]


def _is_operation(node):
    return node.op == "call_function" and isinstance(node.target, torch._ops.OpOverload)


def _argument(node, name):
    """What an operation is given as `name`; None if it has no such argument."""
    for argument, value in zip(node.target._schema.arguments, node.args, strict=False):
        if argument.name == name:
            return value
    default = next((one.default_value for one in node.target._schema.arguments if one.name == name), None)
    return node.kwargs.get(name, default)


def _hashable(arguments):
    if isinstance(arguments, list | tuple):
        return tuple(_hashable(one) for one in arguments)
    if isinstance(arguments, dict):
        return tuple((name, _hashable(one)) for name, one in arguments.items())
    return (type(arguments), arguments)  # 1, 1.0 and True are equal in Python and not the same here

"""The trained network as a small ONNX file: weights in half precision, arithmetic in single."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper


def export(network: torch.nn.Module, path: Path) -> None:
    """Write `network` for pictures of any size; one file, no training code and no pickle in it."""
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, 512, 512),),
        str(path),
        input_names=["picture"],
        output_names=["logits", "likeness"],
        dynamic_axes={name: {2: f"{name} rows", 3: f"{name} columns"} for name in ("picture", "logits", "likeness")},
        opset_version=17,
        dynamo=False,  # the older exporter folds the batch norms into the convolutions
    )
    model = onnx.load(path)
    onnx.save(halve_weights(model), path)


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Every float32 weight of more than 64 numbers kept as float16, with a Cast back where it is used."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        array = numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size <= 64:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model

"""The trained network as a small ONNX file: weights in half precision, arithmetic in single."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from .network import Network

SMALL = 64  # weights: fewer stay in single precision


def export(network: Network, path: Path) -> None:
    """Write the network for pictures of any size; one file, no training code and no pickle in it."""
    parts = ("picture", "logits", "likeness")
    torch.onnx.export(
        network.eval().to(memory_format=torch.contiguous_format),
        (torch.zeros(1, 3, 256, 256),),
        str(path),
        input_names=["picture"],
        output_names=["logits", "likeness"],
        dynamic_axes={part: {2: f"{part} rows", 3: f"{part} columns"} for part in parts},
        opset_version=17,
        dynamo=False,  # the older exporter folds the batch norms into the convolutions
    )
    onnx.save(halve_weights(onnx.load(path)), path)


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep the weights as float16 and cast them when the model is loaded: half the size, the same speed."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(weight)
        if values.size < SMALL:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model

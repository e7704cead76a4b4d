"""An ONNX graph under construction: nodes and constants, named as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.errors import EnvironmentFaultError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

ML: Final = "ai.onnx.ml"
_OPSETS: Final = {"": 18, ML: 3}
"""Versions of the operators: of 2022 and 2021, which runtimes of many kinds read."""
_IR_VERSION: Final = 8
"""Of the file format; the one that came with these operators."""

FLOAT: Final = np.dtype(np.float32)
DOUBLE: Final = np.dtype(np.float64)
WHOLE: Final = np.dtype(np.int64)
_SMALL: Final = np.dtype(np.int32)
TRUTH: Final = np.dtype(np.bool_)


class Graph:
    """Adds operators one by one; every method returns the name of a result.

    Rows are the first axis of every result, and their number is left open.

    Raises
    ------
    EnvironmentFaultError
        The package onnx is not installed.
    """

    def __init__(self) -> None:
        try:
            import onnx
        except ImportError as error:
            message = (
                "the package onnx is not installed, and only it can write an ONNX graph; type: "
                "pip install 'iotscore[onnx]'"
            )
            raise EnvironmentFaultError(message) from error
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, values: npt.ArrayLike, dtype: np.dtype[Any]) -> str:
        """Store an array."""
        name = f"constant_{len(self._constants)}"
        # ONNX has no strides: what is stored must be contiguous.
        array = np.array(values, dtype=dtype, order="C")
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def tensor(self, values: npt.NDArray[Any]) -> Any:  # noqa: ANN401 ONNX's
        """Return an array in the form that an operator's attribute takes."""
        return self._onnx.numpy_helper.from_array(np.ascontiguousarray(values))

    def double(self, values: npt.ArrayLike) -> str:
        """Store float64 numbers."""
        return self.constant(values, DOUBLE)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 ONNX's
        """Apply an operator of ONNX itself, or of ``ai.onnx.ml`` if ``domain`` says so."""
        name = f"{operator.lower()}_{len(self._nodes)}"
        node = self._onnx.helper.make_node(operator, list(inputs), [name], **attributes)
        self._nodes.append(node)
        return name

    def add_two(self, operator: str, *inputs: str, **attributes: Any) -> tuple[str, str]:  # noqa: ANN401 ONNX's
        """Apply an operator that has two results."""
        first = self.add(operator, *inputs, **attributes)
        second = f"{first}_second"
        self._nodes[-1].output.append(second)
        return first, second

    def cast(self, values: str, dtype: np.dtype[Any]) -> str:
        """Convert to another type."""
        return self.add("Cast", values, to=self._type(dtype))

    def limited(self, values: str, low: float, high: float, dtype: np.dtype[Any]) -> str:
        """Limit to a range."""
        return self.add("Clip", values, self.constant(low, dtype), self.constant(high, dtype))

    def row_sums(self, values: str) -> str:
        """Sum over the second axis, which is gone then."""
        return self.add("ReduceSum", values, self.constant([1], WHOLE), keepdims=0)

    def column(self, values: str) -> str:
        """Turn one number a row into a table of one column."""
        return self.add("Unsqueeze", values, self.constant([1], WHOLE))

    def position(self, numbers: str, known: Sequence[int]) -> str:
        """Find each row's number among known ones; 0 if it is not there."""
        alike = self.add("Equal", self.column(numbers), self.constant([list(known)], WHOLE))
        # The first of equally large values: all are 0 for a number that is not known.
        return self.add("ArgMax", self.cast(alike, _SMALL), axis=1, keepdims=0)

    def finish(
        self,
        inputs: Mapping[str, tuple[np.dtype[Any], Sequence[str | int]]],
        outputs: Mapping[str, tuple[str, np.dtype[Any]]],
        about: Mapping[str, str],
    ) -> bytes:
        """Return the model's bytes.

        Inputs have types and shapes by name; outputs results and types by the name that users see,
        one value a row each. ``about`` becomes the model's metadata.
        """
        helper = self._onnx.helper
        for public, (result, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [result], [public]))
        taken = [
            helper.make_tensor_value_info(name, self._type(dtype), shape)
            for name, (dtype, shape) in inputs.items()
        ]
        given = [
            helper.make_tensor_value_info(name, self._type(dtype), ["rows"])
            for name, (_, dtype) in outputs.items()
        ]
        graph = helper.make_graph(self._nodes, "iotscore", taken, given, self._constants)
        model = helper.make_model(
            graph,
            producer_name="iotscore",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid(*pair) for pair in _OPSETS.items()],
        )
        helper.set_model_props(model, dict(about))
        self._onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _type(self, dtype: np.dtype[Any]) -> int:
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(dtype))

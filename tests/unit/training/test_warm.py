"""Starting from exported weights; skipped where torch isn't installed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch lives in the training extra only")
pytest.importorskip("onnx", reason="onnx lives in the training extra only")

from training.export import ENCODER_OUTPUTS, ExportedEncoder, export  # noqa: E402
from training.nets.encoder import FaceEncoder  # noqa: E402
from training.warm import fill, load_exported  # noqa: E402


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small encoder with lived-in batch norms, and its export."""
    torch.manual_seed(0)
    net = FaceEncoder((4, 4, 8, 8), squeeze=4)
    net.train()
    for _ in range(3):
        net(torch.randn(8, 1, 112, 112) * 2 + 1)
    path = tmp_path_factory.mktemp("warm") / "e.onnx"
    export(ExportedEncoder(net), (1, 1, 112, 112), ENCODER_OUTPUTS, path)
    return net.eval(), path


@pytest.mark.parametrize("widths", [(4, 4, 8, 8), (4, 8, 8, 12)])
def test_the_function_is_kept(exported, widths) -> None:
    """A fresh net, as wide or wider, computes what the exported one does, in both modes."""
    net, path = exported
    faces = torch.randn(16, 1, 112, 112) * 2 + 1
    warm = FaceEncoder(widths, squeeze=4)
    warm.embed[0].p = 0.0  # dropout would differ

    filled = load_exported(warm, path, "encoder", faces)

    with torch.no_grad():
        expected = net(faces)
        for mode in (warm.eval(), warm.train()):
            got = mode(faces)
            torch.testing.assert_close(got.landmarks, expected.landmarks, atol=1e-2, rtol=1e-3)
            torch.testing.assert_close(got.au, expected.au, atol=1e-2, rtol=1e-3)
    assert {"trunk.0.0", "trunk.1.conv1", "squeeze.0", "geometry", "au_local"} <= set(filled)


def test_a_narrower_net_takes_nothing_that_does_not_fit(exported) -> None:
    """Layers that would have to shrink are left as they are, and not named."""
    _, path = exported
    narrow = FaceEncoder((2, 4, 8, 8), squeeze=4)

    filled = load_exported(narrow, path, "encoder", torch.randn(4, 1, 112, 112))

    assert "trunk.0.0" not in filled
    assert "squeeze.0" in filled


def test_new_inputs_are_read_with_zeros() -> None:
    """A widened weight keeps its corner, ignores new inputs, and keeps new outputs random."""
    wide = fill(torch.ones(3, 3), torch.full((2, 2), 5.0))

    assert wide.tolist() == [[5, 5, 0], [5, 5, 0], [1, 1, 1]]

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="grids are torch tensors")

from livematte.lab.grid import affine_grid  # noqa: E402

sides = st.integers(1, 40)


@settings(deadline=None, max_examples=30, derandomize=True, database=None)
@given(st.integers(1, 4), sides, sides, st.integers(0, 2**31))
def test_the_grid_is_that_of_torch(count, height, width, seed):
    theta = torch.randn(count, 2, 3, generator=torch.Generator().manual_seed(seed))
    wanted = torch.nn.functional.affine_grid(theta, [count, 1, height, width], align_corners=False)
    torch.testing.assert_close(affine_grid(theta, height, width), wanted)

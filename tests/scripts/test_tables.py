from __future__ import annotations

import pytest
from speed import page, tables


def row(text: str, name: str) -> list[str]:
    """The cells of the first line of a table that begins with `name`."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_whole_gives_median_and_range_for_each_megapixel(result):
    text = tables.whole(result["parts"]["whole"])
    assert row(text, "nucseg_tf") == ["nucseg_tf", "1 (0.5-2)", "1.5 (1-3)", "0.5"]
    assert row(text, "stardist")[1:] == ["10", "15", "2"]


def test_stages_are_those_of_all_tools_and_their_sum(result):
    text = tables.stages(result["parts"]["stages"])
    assert row(text, "network") == ["network", "4 (2-6)", "2 (1-3)", "8", "4"]
    assert row(text, "read") == ["read", "0", "0", "0", "0"]
    assert row(text, "all") == ["all", "5 (3-7)", "2.5 (1.5-3.5)", "10", "5"]
    assert "nucseg_tf 7, stardist 7" in text


def test_a_tool_that_failed_at_a_size_keeps_its_columns(result):
    text = tables.size(result["parts"]["size"])
    assert row(text, "4") == ["4", "0.5", "1", "0.5", "failed", "failed", "failed"]
    assert "stardist (size, 4 Mpx) failed: out of memory" in page.render(result)


def test_shapes_have_ratios_where_both_were_measured(result):
    text = tables.shapes(result["parts"]["shapes"])
    assert row(text, "nucseg_tf") == ["nucseg_tf", "1", "1.5", "1.5", "2", "2", "1"]
    assert row(text, "stardist")[1:4] == ["2", "failed", ""]


def test_limit_is_macs_over_the_rate_of_the_precision_that_the_tool_has(result):
    parts = result["parts"]
    text = tables.limit(parts["limit"], parts["stages"])
    # 4e9 / 8e9 = 0.5 s; took 4 s of 4 Mpx that the network saw, in the middle round
    assert row(text, "nucseg_tf")[1:] == ["4", "openvino bf16", "0.5", "1 (0.5-1.5)", "50 %"]
    assert row(text, "stardist")[1:] == ["8", "openvino f32", "2", "2", "100 %"]


def test_limit_without_bf16_and_without_stages(result):
    part = result["parts"]["limit"]
    del part["rates"]["openvino bf16"]
    assert row(tables.limit(part), "nucseg_tf")[1:] == ["4", "openvino f32", "1", "", ""]


def test_says_what_machine_how_busy_and_what_was_left_out(result):
    text = page.render(result)
    assert "A Processor, 2 cores" in text
    assert "3 rounds in turns" in text
    assert "kept 0.5 to 0.5 of 2 cores busy" in text
    assert "**cellpose** left out: no --cellpose-python" in text
    assert "revision 0123456789ab)" in text


def test_says_between_what_numbers_the_rounds_are(result):
    result["parts"]["size"]["rounds"] = 1
    assert "1 to 3 rounds" in page.render(result)


def test_parts_that_were_not_measured_have_no_table(result):
    result["parts"] = {"whole": result["parts"]["whole"]}
    text = page.render(result)
    assert "A folder of 2 images" in text
    assert "By stage" not in text
    assert "limit" not in text


def test_put_replaces_only_what_is_between_the_marks(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    page.put(file, "new\n")
    page.put(file, "newer\n")
    assert file.read_text() == f"before\n{page.BEGIN}\n\nnewer\n\n{page.END}\nafter\n"


def test_put_writes_a_page_that_it_can_replace(tmp_path):
    file = tmp_path / "page.md"
    page.put(file, "new\n")
    page.put(file, "newer\n")
    assert "newer" in file.read_text()
    assert "new\n" not in file.read_text()


def test_put_leaves_a_page_without_marks_alone(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(f"mine {page.BEGIN}\n")
    with pytest.raises(SystemExit, match="expected the lines"):
        page.put(file, "new\n")
    assert file.read_text() == f"mine {page.BEGIN}\n"

"""The page is looked at in a real browser, which draws it."""

from operations.capacity import page
from tests.operations.capacity.test_report import result
from tests.support.browsing import KEPT, drawn


def test_a_browser_draws_every_chart(tmp_path):
    file = tmp_path / "capacity.html"
    file.write_text(page.html(result()))

    document = drawn(file, "capacity", 1000, 2400)

    assert (KEPT / "capacity.png").stat().st_size > 30_000  # a white page takes some thousand
    assert document.count("<figure>") == 4
    assert "At its end with 10 requests at once" in document

"""One comment a stack, whatever happens: on both platforms, by the clients that talk to them."""

import pytest

from operations.comment import azure, github
from operations.comment.marker import Marker
from operations.comment.placing import FENCE, REST, fitting, place, retire
from operations.errors import OperationError
from tests.support.platforms import REPOSITORY, TOKEN, platforms

DEV = Marker(kind="preview", stack="dev", run=5)


@pytest.fixture
def platform():
    with platforms() as made:
        yield made


class Pauses(list):
    """Seconds that a client would have waited."""

    def __call__(self, seconds):
        self.append(seconds)


class OnGitHub:
    """A pull request there, and how a test sees and prepares it."""

    def __init__(self, platform):
        self.platform, self.pauses = platform, Pauses()
        self.client = github.GitHub(REPOSITORY, TOKEN, base=platform.url, pause=self.pauses)
        self.conversation = github.PullRequest(self.client, 7)

    def said(self):
        return self.platform.said()

    def other(self, body):
        self.platform.comment(body, "mallory")

    def ours(self, body):
        self.platform.comment(body)


class OnAzure:
    """The same on Azure DevOps."""

    def __init__(self, platform):
        self.platform, self.pauses = platform, Pauses()
        self.client = azure.AzureDevOps(
            f"{platform.url}/collection/",
            "data science",
            TOKEN,
            repository="repo-id",
            pause=self.pauses,
        )
        self.conversation = azure.PullRequest(self.client, 7)

    def said(self):
        first = [thread["comments"][0] for thread in self.platform.threads]
        return [each["content"] for each in first if not each.get("isDeleted")]

    def other(self, body):
        self.platform.thread(body, "mallory")

    def ours(self, body):
        self.platform.thread(body)


@pytest.fixture(params=[OnGitHub, OnAzure])
def there(request, platform):
    made = request.param(platform)
    yield made
    made.client.close()


def test_a_comment_is_written_once_and_then_changed_in_place(there):
    for index in range(3):  # more than a page of others
        there.other(f"comment {index}")

    assert place(there.conversation, DEV, "first") == "written"
    assert place(there.conversation, DEV, "second") == "brought up to date"

    assert there.said()[3:] == [f"{DEV}\nsecond"]
    assert there.platform.methods() == ["POST", "PATCH"]


def test_the_same_words_again_change_nothing(there):
    place(there.conversation, DEV, "words")
    place(there.conversation, DEV, "words")

    assert there.platform.methods() == ["POST"]


def test_each_stack_has_its_own(there):
    place(there.conversation, DEV, "dev")
    place(there.conversation, Marker(kind="preview", stack="dev-aws", run=5), "dev-aws")

    assert [each.splitlines()[1] for each in there.said()] == ["dev", "dev-aws"]


def test_who_writes_our_marker_is_not_us(there):
    there.other(f"{DEV}\nnothing is lost")

    assert place(there.conversation, DEV, "the database is replaced") == "written"
    assert there.said() == [f"{DEV}\nnothing is lost", f"{DEV}\nthe database is replaced"]


def test_a_marker_counts_on_the_first_line_only(there):
    there.ours(f"look:\n{DEV}\n")

    assert place(there.conversation, DEV, "words") == "written"


def test_what_an_older_run_says_late_is_not_said(there):
    place(there.conversation, Marker(kind="preview", stack="dev", run=6), "newer")

    assert place(there.conversation, DEV, "older") == "left as a later run wrote it"
    assert [each.splitlines()[1] for each in there.said()] == ["newer"]


def test_of_two_runs_that_write_at_the_same_moment_one_comment_is_left(there):
    later = Marker(kind="preview", stack="dev", run=9)
    first = []

    def at_the_same_moment(asked):
        if asked.method == "GET" and asked.path != "/collection/_apis/connectionData" and not first:
            first.append(asked)
            there.ours(f"{later}\nthe later run's")

    there.platform.after = at_the_same_moment
    place(there.conversation, DEV, "the earlier run's")

    assert there.said() == [f"{later}\nthe later run's"]


def test_duplicates_of_the_past_are_cleared_away(there):
    for run in (1, 2, 3):
        there.ours(f"{Marker(kind='preview', stack='dev', run=run)}\nrun {run}")

    place(there.conversation, DEV, "now")

    assert there.said() == [f"{DEV}\nnow"]


def test_a_comment_on_a_stack_that_is_not_touched_any_more_says_so_once(there):
    later = Marker(kind="preview", stack="late", run=9)
    drift = Marker(kind="drift", stack="dev", run=1)
    for marker in (DEV, Marker(kind="preview", stack="kept", run=5), later, drift):
        there.ours(f"{marker}\nwords")
    there.other(f"{Marker(kind='preview', stack='other', run=1)}\nwords")

    assert retire(there.conversation, ["kept"], 7) == ["dev"]
    assert retire(there.conversation, ["kept"], 8) == []

    bodies = there.said()
    assert bodies[0].startswith(
        "<!-- operationalization-preview: dev run 7 -->\n## Preview of `dev`: "
    )
    assert [each.splitlines()[1] for each in bodies[1:]] == ["words"] * 4


def test_a_throttled_request_waits_as_long_as_it_is_asked_to_and_is_said_again(there):
    there.platform.troubles = [("POST", 429, {"Retry-After": "7"})]

    assert place(there.conversation, DEV, "words") == "written"
    assert there.pauses == [7.0]
    assert len(there.said()) == 1


def test_a_service_in_trouble_is_asked_again_where_that_does_no_harm(there):
    there.platform.troubles = [("GET", 502, {}), ("GET", 503, {"Retry-After": "3"})]

    assert place(there.conversation, DEV, "words") == "written"
    assert there.pauses == [2.0, 3.0]

    there.platform.troubles = [("POST", 502, {})]
    with pytest.raises(OperationError, match="it answered 502"):
        place(there.conversation, Marker(kind="preview", stack="other"), "words")


def test_a_wait_longer_than_a_job_can_take_is_an_error_that_says_so(there):
    there.platform.troubles = [("GET", 429, {"Retry-After": "4000"})]

    with pytest.raises(OperationError, match="wants 4000 seconds more"):
        place(there.conversation, DEV, "words")
    assert there.pauses == []


def test_github_says_403_for_its_limits(platform):
    there = OnGitHub(platform)
    platform.troubles = [
        ("GET", 403, {"Retry-After": "5"}),
        ("GET", 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"}),
    ]

    assert place(there.conversation, DEV, "words") == "written"
    assert there.pauses == [5.0, 1.0]
    there.client.close()


def test_a_403_without_a_limit_is_a_refusal_at_once(platform):
    there = OnGitHub(platform)
    platform.troubles = [("GET", 403, {})]

    with pytest.raises(OperationError, match="it answered 403 You have exceeded") as raised:
        place(there.conversation, DEV, "words")
    assert TOKEN not in str(raised.value)
    assert there.pauses == []
    there.client.close()


def test_azure_devops_answers_a_token_that_it_does_not_know_with_a_page_to_sign_in(platform):
    there = OnAzure(platform)
    platform.troubles = [("GET", 203, {})]

    with pytest.raises(OperationError, match="it answered 203"):
        place(there.conversation, DEV, "words")
    there.client.close()


def test_a_next_page_elsewhere_is_not_asked_for_with_our_token(platform):
    there = OnGitHub(platform)
    platform.troubles = [("GET", 200, {"Link": '<https://elsewhere.example/next>; rel="next"'})]

    with pytest.raises(OperationError):
        list(there.client.api.pages(there.client.path("/issues/7/comments")))
    assert len(platform.asked) == 1
    there.client.close()


@pytest.mark.parametrize("limit", [github.LIMIT, azure.LIMIT])
def test_a_report_that_is_too_long_is_cut_at_a_line_and_closed(limit):
    text = f"<details>\n{FENCE}diff\n" + "- a line of a difference \N{GRINNING FACE}\n" * 20_000

    cut = fitting(text, limit)

    assert len(cut.encode("utf-16-le")) // 2 <= limit
    assert cut.endswith(f"\N{GRINNING FACE}\n{FENCE}\n\n</details>{REST}")
    assert len(cut) > 0.8 * limit


def test_what_fits_is_left_as_it_is():
    assert fitting("words", 5) == "words"

"""Keywords of a call that become a record."""

import pytest

from alkit.campaign.ask import QueryRequest
from alkit.campaign.tell import IngestOptions
from alkit.utils.keywords import record_of


def test_a_wrong_keyword_is_named_with_the_call_that_the_user_made() -> None:
    assert record_of(QueryRequest, "ask", 20, details={"new": True}) == QueryRequest(20, new=True)
    with pytest.raises(
        TypeError, match=r"^ask\(\) has no argument 'strategy_options'; did you mean .*'options'"
    ):
        record_of(QueryRequest, "ask", 20, details={"strategy_options": {}})
    with pytest.raises(
        TypeError, match=r"^tell\(\) has no argument 'x'; there are strict, allow_new_classes, "
    ):
        record_of(IngestOptions, "tell", details={"x": 1})
    with pytest.raises(TypeError, match=r"^ask\(\) has no argument 'n'"):
        record_of(QueryRequest, "ask", 20, details={"n": 20})

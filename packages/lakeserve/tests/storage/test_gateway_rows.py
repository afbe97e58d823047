import json

from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.ai_gateway import AiGateway, Routing
from lakeserve.storage.gateway_rows import gateway_of, gateway_values

FLOATS = st.none() | st.floats(0.1, 1e6)
ROUTINGS = st.builds(
    Routing,
    fallback_statuses=st.lists(st.integers(400, 599)).map(tuple),
    timeout_s=FLOATS,
    first_token_timeout_s=FLOATS,
)
BLOCKS = st.from_type(AiGateway).flatmap(
    lambda block: st.builds(
        AiGateway,
        rate_limits=st.just(block.rate_limits),
        usage_tracking=st.booleans(),
        payload_table=st.just(block.payload_table),
        input_rules=st.just(block.input_rules),
        output_rules=st.just(block.output_rules),
        fallback=st.booleans(),
        routing=ROUTINGS,
        cache_ttl_s=st.none() | st.integers(),
    )
)


@given(BLOCKS)
def test_blocks_come_back_through_json(block: AiGateway) -> None:
    assert gateway_of(json.loads(json.dumps(gateway_values(block)))) == block


def test_no_block() -> None:
    assert gateway_of(gateway_values(None)) is None

from pathlib import Path

from lakeserve.app.orders import Orders
from lakeserve.app.sockets import Sockets
from lakeserve.settings import Settings


def test_a_gateway_gets_the_settings_of_its_platform(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "token": "s3cret",
            "database_url": "postgresql://user:pw@host/db",
            "secret_keys": "a,b",
            "foundation": {
                "databricks-x": {"url": "https://host/v1", "api_key": "sk-key"},
                "databricks-y": "demo",
            },
            "clusters": {"0000-1": {"host": "driver", "ca_file": tmp_path / "ca.pem"}},
            "engine": {"threads": 3},
        }
    )
    orders = Orders(settings, 5, 1, Sockets.within(tmp_path), 6)
    text = orders.text()
    assert "\n" not in text
    assert Orders.read(text) == orders
    assert "s3cret" not in repr(orders)

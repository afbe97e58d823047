from workers.scoring.in_model_environment import output_of


def test_short_ways_end_where_those_of_mlflow_do() -> None:
    assert output_of("compare_tables.py") == "requests 21 answers 13\n"

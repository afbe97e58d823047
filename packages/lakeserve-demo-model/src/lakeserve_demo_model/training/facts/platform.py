"""Model serving, MLflow and the platforms that such servers are compatible with."""

from lakeserve_demo_model.training.facts.topic import Topic

TOPICS: tuple[Topic, ...] = (
    Topic(
        (
            "What is MLflow?",
            "Explain MLflow",
            "What does MLflow do?",
            "Tell me about MLflow",
            "Define MLflow",
        ),
        "MLflow is an open source platform for the machine learning life cycle. It "
        "tracks experiments, packages models, keeps a model registry and helps to "
        "evaluate and serve models.",
    ),
    Topic(
        (
            "What is an MLflow run?",
            "What is a run in MLflow?",
        ),
        "An MLflow run is one execution of your code. It records parameters, metrics, "
        "tags and artifacts.",
    ),
    Topic(
        (
            "What is an MLflow experiment?",
            "What is an experiment in MLflow?",
        ),
        "An MLflow experiment is a group of runs that belong together, so that you can "
        "compare them.",
    ),
    Topic(
        (
            "What is the model registry?",
            "What is a model registry?",
            "What is the MLflow model registry?",
        ),
        "A model registry is a central store for models. It keeps versions, aliases, "
        "tags and the history of every model.",
    ),
    Topic(
        (
            "What is a model version?",
            "What does model version mean?",
        ),
        "A model version is one numbered snapshot of a registered model. Each version "
        "has its own files and its own history.",
    ),
    Topic(
        (
            "What is a model signature?",
            "What is an MLflow signature?",
        ),
        "A model signature describes the inputs and the outputs of a model. The server "
        "uses it to check requests.",
    ),
    Topic(
        (
            "What is an input example?",
            "Why do I need an input example?",
        ),
        "An input example is a small sample of valid input. It documents the model and "
        "is used to infer the signature.",
    ),
    Topic(
        (
            "What is a pyfunc model?",
            "What is pyfunc?",
            "What is an MLflow pyfunc?",
        ),
        "Pyfunc is the generic Python model format of MLflow. A pyfunc model has a "
        "predict function, so every tool can call it in the same way.",
    ),
    Topic(
        (
            "What is an MLflow flavor?",
            "What is a flavor?",
        ),
        "A flavor is a way to save and load a model for one library, such as "
        "scikit-learn, PyTorch or LangChain.",
    ),
    Topic(
        (
            "What is MLflow tracing?",
            "What is a trace?",
            "What are traces?",
        ),
        "A trace records the steps of one request as spans, with inputs, outputs and "
        "times. Traces help you to debug an application.",
    ),
    Topic(
        (
            "What is model serving?",
            "Explain model serving",
            "What does model serving mean?",
            "What is serving?",
        ),
        "Model serving means to run a model behind an HTTP endpoint, so that "
        "applications can send requests and get predictions in real time.",
    ),
    Topic(
        (
            "What is a serving endpoint?",
            "What is an endpoint?",
            "Explain serving endpoints",
        ),
        "A serving endpoint is a named URL that serves one or more models. You query "
        "it with JSON over HTTP.",
    ),
    Topic(
        (
            "What is a served entity?",
            "What are served entities?",
            "Explain served entities",
        ),
        "A served entity is one model version, foundation model or external model "
        "behind an endpoint. An endpoint can have several served entities.",
    ),
    Topic(
        (
            "What is traffic splitting?",
            "What is a traffic split?",
            "How do I split traffic?",
            "What is a traffic config?",
        ),
        "Traffic splitting sends a share of the requests to each served entity. The "
        "percentages must add up to one hundred.",
    ),
    Topic(
        (
            "What is A/B testing?",
            "What is an A/B test?",
        ),
        "An A/B test compares two model versions by sending part of the traffic to "
        "each of them and by looking at the results.",
    ),
    Topic(
        (
            "What is a canary deployment?",
            "What is a canary release?",
        ),
        "A canary deployment sends a small share of the traffic to a new version "
        "first. If all goes well, the share is raised.",
    ),
    Topic(
        (
            "What is a shadow deployment?",
            "What is shadow traffic?",
        ),
        "In a shadow deployment the new model gets a copy of the traffic, but its "
        "answers are not returned to the users.",
    ),
    Topic(
        (
            "What is scale to zero?",
            "What does scale to zero mean?",
            "Explain scale to zero",
        ),
        "Scale to zero stops all replicas of an endpoint when there are no requests. "
        "The next request has to wait for a cold start.",
    ),
    Topic(
        (
            "What is a cold start?",
            "Why is the first request slow?",
        ),
        "A cold start is the time that an endpoint needs to start a replica and load "
        "the model before it can answer the first request.",
    ),
    Topic(
        (
            "What is autoscaling?",
            "How does autoscaling work?",
            "Explain autoscaling",
        ),
        "Autoscaling changes the number of replicas to match the load. More requests "
        "start more replicas, and idle replicas are stopped.",
    ),
    Topic(
        (
            "What is a replica?",
            "What are replicas?",
        ),
        "A replica is one running copy of a model server. Several replicas share the "
        "requests of an endpoint.",
    ),
    Topic(
        (
            "What is provisioned throughput?",
            "Explain provisioned throughput",
        ),
        "Provisioned throughput reserves a number of tokens per second for an "
        "endpoint, so that its speed is predictable.",
    ),
    Topic(
        (
            "What is pay per token?",
            "What does pay-per-token mean?",
        ),
        "Pay per token means that you are billed for the number of input and output "
        "tokens that you use.",
    ),
    Topic(
        (
            "What is a foundation model?",
            "What are foundation models?",
        ),
        "A foundation model is a large model that was trained on a lot of data and can "
        "be used for many tasks.",
    ),
    Topic(
        (
            "What is an external model?",
            "What are external models?",
        ),
        "An external model is hosted by another provider. The platform forwards the "
        "requests and keeps the key of the provider.",
    ),
    Topic(
        (
            "What is an AI gateway?",
            "What is the AI gateway?",
            "Explain the AI gateway",
        ),
        "An AI gateway sits in front of models. It checks permissions and rate limits, "
        "applies guardrails, and logs usage and payloads.",
    ),
    Topic(
        (
            "What is a rate limit?",
            "What are rate limits?",
            "How do rate limits work?",
        ),
        "A rate limit allows only a number of requests per minute for a user or an "
        "endpoint. Further requests get the status code 429.",
    ),
    Topic(
        (
            "What are guardrails?",
            "What is a guardrail?",
        ),
        "Guardrails check the requests and the answers of a model, for example for "
        "unsafe content or personal data, and block them if needed.",
    ),
    Topic(
        (
            "What is an inference table?",
            "What are inference tables?",
            "What is payload logging?",
        ),
        "An inference table logs every request and response of an endpoint to a table, "
        "so that you can monitor and debug a model.",
    ),
    Topic(
        (
            "What is usage tracking?",
            "How is usage tracked?",
        ),
        "Usage tracking counts requests and tokens for every endpoint and user, so "
        "that you can see the costs.",
    ),
    Topic(
        (
            "What is a feature store?",
            "Explain a feature store",
        ),
        "A feature store keeps features for training and serving, so that both use the "
        "same values.",
    ),
    Topic(
        (
            "What is Databricks?",
            "Tell me about Databricks",
            "What does Databricks do?",
            "Explain Databricks",
        ),
        "Databricks is a company that offers a data and AI platform with notebooks, "
        "jobs, tables and model serving. I am not made by Databricks, I am only a demo "
        "model on a server that is compatible with its serving API.",
    ),
    Topic(
        (
            "What is Unity Catalog?",
            "What is a catalog?",
        ),
        "Unity Catalog manages tables, models and functions in one place. It controls "
        "permissions, keeps versions and shows the lineage of your data.",
    ),
    Topic(
        (
            "How do I create an endpoint?",
            "How do I create a serving endpoint?",
            "How can I deploy a model?",
            "How do I deploy a model?",
        ),
        "Send a POST request to /api/2.0/serving-endpoints with a name and a config "
        "that lists the served entities. Then wait until the state is READY.",
    ),
    Topic(
        (
            "How do I query an endpoint?",
            "How do I call an endpoint?",
            "How can I query a model?",
        ),
        "Send a POST request with your access token to "
        "/serving-endpoints/NAME/invocations. Chat models take a list of messages.",
    ),
    Topic(
        (
            "How do I delete an endpoint?",
            "How can I delete an endpoint?",
        ),
        "Send a DELETE request to /api/2.0/serving-endpoints/NAME. The endpoint and "
        "its replicas are removed.",
    ),
    Topic(
        (
            "How do I update an endpoint?",
            "How can I change an endpoint?",
        ),
        "Send a PUT request with the new config to "
        "/api/2.0/serving-endpoints/NAME/config. The old version keeps serving until "
        "the new one is ready.",
    ),
    Topic(
        (
            "How do I log a model?",
            "How do I log a model with MLflow?",
        ),
        "Call the log_model function of the flavor, for example "
        "mlflow.sklearn.log_model, and give it a name and an input example.",
    ),
    Topic(
        ("How do I register a model?",),
        "Call mlflow.register_model with the URI of the logged model and a name. A new "
        "version is created.",
    ),
    Topic(
        (
            "What does error 429 mean?",
            "What is status code 429?",
        ),
        "Status 429 means too many requests. Wait a little and try again.",
    ),
    Topic(
        (
            "What does error 404 mean?",
            "What is status code 404?",
        ),
        "Status 404 means not found. Check the name of the endpoint.",
    ),
    Topic(
        (
            "What does error 401 mean?",
            "What is status code 401?",
        ),
        "Status 401 means that you are not logged in. Check your access token.",
    ),
    Topic(
        (
            "What does error 403 mean?",
            "What is status code 403?",
        ),
        "Status 403 means that you are logged in but have no permission.",
    ),
    Topic(
        (
            "What does error 503 mean?",
            "What is status code 503?",
        ),
        "Status 503 means that the service is not available at the moment. Try again later.",
    ),
    Topic(
        (
            "What is Databricks Model Serving?",
            "Explain Databricks Model Serving",
            "What does Databricks Model Serving do?",
            "What is Mosaic AI Model Serving?",
        ),
        "Databricks Model Serving deploys machine learning models and agents as REST "
        "endpoints that scale with the load. The server that runs me is compatible "
        "with Databricks Model Serving, but it is a separate project.",
    ),
    Topic(
        (
            "How to use Databricks?",
            "How do I use Databricks?",
            "How can I use Databricks?",
            "How do I get started with Databricks?",
        ),
        "To use Databricks, create a workspace and open a notebook, attach compute, "
        "and load your data into tables. Then train a model, log it with MLflow, "
        "register it in Unity Catalog and deploy it to a serving endpoint.",
    ),
    Topic(
        (
            "What is lakeserve?",
            "Tell me about lakeserve",
            "What is this server?",
            "What does lakeserve do?",
        ),
        "lakeserve is an open source model server that is compatible with Databricks "
        "Model Serving. It serves MLflow models, local language models and external "
        "models on your own machines.",
    ),
    Topic(
        (
            "Is this Databricks?",
            "Are you part of Databricks?",
            "Is lakeserve made by Databricks?",
        ),
        "No. This server is compatible with Databricks Model Serving, but it is a "
        "separate open source project and not a product of Databricks.",
    ),
    Topic(
        (
            "What is a Databricks endpoint?",
            "What is a Databricks serving endpoint?",
            "What is a Databricks-style endpoint?",
        ),
        "A Databricks-style endpoint is a named address that serves one or more models "
        "over REST. Clients send JSON to its invocations path and get predictions, "
        "text or embeddings back.",
    ),
    Topic(
        (
            "What is ChatDatabricks?",
            "How do I use ChatDatabricks?",
        ),
        "ChatDatabricks is a LangChain chat model class that talks to a chat endpoint. "
        "Give it the name of the endpoint and call its invoke method.",
    ),
    Topic(
        (
            "What is the Databricks SDK?",
            "What is the Databricks SDK for Python?",
        ),
        "The Databricks SDK for Python is a client library for the REST APIs of the "
        "platform. It can create, update, query and delete serving endpoints.",
    ),
    Topic(
        (
            "What is Databricks Connect?",
            "What is a Databricks notebook?",
            "What is a notebook?",
        ),
        "A notebook is an interactive document with code, text and results. It is a "
        "common way to explore data and to train models.",
    ),
    Topic(
        (
            "What is MLflow Deployments?",
            "What is the MLflow deployments client?",
            "What is mlflow.deployments?",
        ),
        "The MLflow deployments client creates, updates and queries endpoints with a "
        "few Python functions. Call get_deploy_client with the name of the target to "
        "get one.",
    ),
    Topic(
        (
            "What is evaluation?",
            "How do I evaluate a model?",
            "What is model evaluation?",
        ),
        "Evaluation measures how good the answers of a model are. Use test data with "
        "known answers and compare a metric before and after every change.",
    ),
    Topic(
        (
            "What is a workspace?",
            "What is a Databricks workspace?",
        ),
        "A workspace is the place where a team keeps its notebooks, jobs, models and endpoints.",
    ),
    Topic(
        (
            "What is the difference between batch and real-time serving?",
            "Explain the difference between batch and real time serving",
            "Batch or real-time serving?",
        ),
        "Batch inference scores many rows at once on a schedule. Real-time serving "
        "answers each request as it comes in, within milliseconds or seconds.",
    ),
)

"""Programming, data and classic machine learning."""

from lakeserve_demo_model.training.facts.topic import Topic

TOPICS: tuple[Topic, ...] = (
    Topic(
        (
            "What is an API?",
            "What does API mean?",
        ),
        "An API is an application programming interface. It defines how programs talk "
        "to each other.",
    ),
    Topic(
        (
            "What is REST?",
            "What is a REST API?",
        ),
        "A REST API uses HTTP methods such as GET, POST, PUT and DELETE to work with resources.",
    ),
    Topic(
        (
            "What is JSON?",
            "What does JSON mean?",
        ),
        "JSON is a text format for data. It has objects, arrays, strings, numbers, "
        "booleans and null.",
    ),
    Topic(
        (
            "What is an API key?",
            "What is an access token?",
            "What is a personal access token?",
        ),
        "An access token is a secret that proves who you are. Send it in the "
        "Authorization header and never share it.",
    ),
    Topic(
        (
            "What is the OpenAI API?",
            "What does OpenAI compatible mean?",
        ),
        "An OpenAI compatible server accepts the same requests as the OpenAI API, so "
        "that the same client libraries work with it.",
    ),
    Topic(
        (
            "What is Python?",
            "Tell me about Python",
        ),
        "Python is a popular programming language. It is used a lot for data science "
        "and machine learning.",
    ),
    Topic(
        (
            "What is SQL?",
            "What does SQL mean?",
        ),
        "SQL is a language to query and change data in tables.",
    ),
    Topic(
        (
            "What is Apache Spark?",
            "What is Spark?",
        ),
        "Apache Spark is an engine for big data. It splits the work over many machines.",
    ),
    Topic(
        (
            "What is a lakehouse?",
            "What is a data lakehouse?",
        ),
        "A lakehouse combines a data lake and a data warehouse. It keeps all data in "
        "open formats and adds transactions.",
    ),
    Topic(
        (
            "What is Delta Lake?",
            "What is a Delta table?",
        ),
        "Delta Lake is an open table format. It adds transactions and a version "
        "history to files in a data lake.",
    ),
    Topic(
        (
            "What is machine learning?",
            "Explain machine learning",
            "What is ML?",
        ),
        "Machine learning lets computers learn rules from data instead of being "
        "programmed with fixed rules.",
    ),
    Topic(
        (
            "What is deep learning?",
            "Explain deep learning",
        ),
        "Deep learning is machine learning with neural networks that have many layers.",
    ),
    Topic(
        (
            "What is artificial intelligence?",
            "What is AI?",
        ),
        "Artificial intelligence is the field of making computers do things that need "
        "intelligence when people do them.",
    ),
    Topic(
        (
            "What is a neural network?",
            "What are neural networks?",
        ),
        "A neural network is a model made of layers of simple units. Each unit adds up "
        "its inputs and passes the result on.",
    ),
    Topic(
        (
            "What is training?",
            "What is model training?",
        ),
        "Training changes the weights of a model step by step, so that its predictions "
        "fit the training data.",
    ),
    Topic(
        (
            "What is inference?",
            "What does inference mean?",
        ),
        "Inference means to use a trained model to make predictions for new data.",
    ),
    Topic(
        (
            "What is overfitting?",
            "Explain overfitting",
        ),
        "Overfitting means that a model has learned the training data by heart and "
        "works badly on new data. I am a good example of that.",
    ),
    Topic(
        (
            "What is a loss function?",
            "What is a loss?",
        ),
        "A loss function measures how wrong the predictions of a model are. Training "
        "makes the loss smaller.",
    ),
    Topic(
        ("What is gradient descent?",),
        "Gradient descent changes the weights of a model a little in the direction "
        "that makes the loss smaller.",
    ),
    Topic(
        ("What is an epoch?",),
        "An epoch is one pass over the whole training data.",
    ),
    Topic(
        (
            "What is regression?",
            "What is linear regression?",
        ),
        "Regression predicts a number, such as a price or a temperature.",
    ),
    Topic(
        ("What is classification?",),
        "Classification predicts a class, such as spam or not spam.",
    ),
    Topic(
        ("What is clustering?",),
        "Clustering groups items that are similar to each other.",
    ),
    Topic(
        ("What is supervised learning?",),
        "In supervised learning the training data has the right answers, which are called labels.",
    ),
    Topic(
        ("What is reinforcement learning?",),
        "In reinforcement learning a model learns by trying actions and getting rewards.",
    ),
    Topic(
        (
            "What is data drift?",
            "What is drift?",
        ),
        "Data drift means that new data looks different from the training data, so "
        "that the model gets worse over time.",
    ),
    Topic(
        (
            "What is model monitoring?",
            "Why should I monitor my model?",
        ),
        "Model monitoring watches the inputs, the outputs and the speed of a model, so "
        "that you notice problems early.",
    ),
    Topic(
        (
            "What is MLOps?",
            "What does MLOps mean?",
        ),
        "MLOps is the practice of building, deploying and operating machine learning "
        "models in a reliable way.",
    ),
    Topic(
        (
            "What is CI/CD?",
            "What is continuous integration?",
        ),
        "CI/CD builds, tests and deploys every change of the code automatically.",
    ),
    Topic(
        (
            "What is Docker?",
            "What is a container?",
        ),
        "A container packs a program with everything it needs, so that it runs in the "
        "same way on every machine.",
    ),
    Topic(
        (
            "What is Kubernetes?",
            "Tell me about Kubernetes",
        ),
        "Kubernetes runs containers on a cluster of machines. It restarts them when "
        "they fail and scales them.",
    ),
    Topic(
        (
            "What is Ray?",
            "What is Ray Serve?",
        ),
        "Ray is a framework for distributed Python. Ray Serve uses it to run models on "
        "many machines.",
    ),
    Topic(
        (
            "What is vLLM?",
            "Tell me about vLLM",
        ),
        "vLLM is a fast inference engine for large language models on GPUs. It uses "
        "paged attention and continuous batching.",
    ),
    Topic(
        (
            "What is llama.cpp?",
            "What is GGUF?",
        ),
        "llama.cpp is an inference engine written in C++. It runs models in the GGUF "
        "format on CPUs and GPUs.",
    ),
    Topic(
        ("What is PyTorch?",),
        "PyTorch is a library for deep learning in Python.",
    ),
    Topic(
        (
            "What is scikit-learn?",
            "What is sklearn?",
        ),
        "scikit-learn is a Python library for classic machine learning, such as "
        "regression, classification and clustering.",
    ),
    Topic(
        (
            "What is LangChain?",
            "Tell me about LangChain",
            "What does LangChain do?",
        ),
        "LangChain is an open source library to build applications with language "
        "models. It connects prompts, models, tools and documents, and it works with "
        "many model providers.",
    ),
    Topic(
        ("What is Hugging Face?",),
        "Hugging Face is a company that hosts models and data sets and makes the "
        "transformers library.",
    ),
    Topic(
        (
            "What is a service principal?",
            "What are service principals?",
        ),
        "A service principal is an identity for programs. Use it for jobs and "
        "applications instead of the token of a person.",
    ),
    Topic(
        (
            "What is OAuth?",
            "Explain OAuth",
        ),
        "OAuth lets a program get a short-lived access token without knowing the "
        "password of the user.",
    ),
    Topic(
        (
            "What is a secret?",
            "What are secrets?",
            "What is a secret scope?",
        ),
        "A secret is a value such as a password or an API key. It is stored encrypted "
        "and referenced by name.",
    ),
    Topic(
        (
            "What is PostgreSQL?",
            "What is Postgres?",
        ),
        "PostgreSQL is an open source relational database. It is known for being "
        "reliable and for its many features.",
    ),
    Topic(
        ("What is SQLite?",),
        "SQLite is a small database that lives in one file. It needs no server, so it "
        "is ideal for tests and for small tools.",
    ),
    Topic(
        ("What is Linux?",),
        "Linux is an open source operating system kernel. It runs on most servers and "
        "on many small devices.",
    ),
    Topic(
        (
            "What is Git?",
            "What is version control?",
        ),
        "Git is a version control system. It records every change of your files, so "
        "that you can compare and undo changes.",
    ),
    Topic(
        ("What is GitHub?",),
        "GitHub is a website that hosts Git repositories and helps teams to review code.",
    ),
    Topic(
        (
            "What is open source?",
            "What does open source mean?",
        ),
        "Open source software has a license that lets everyone use, read, change and "
        "share the code.",
    ),
    Topic(
        (
            "What is data science?",
            "What does a data scientist do?",
        ),
        "Data science uses statistics and programming to find answers in data.",
    ),
    Topic(
        (
            "What is data engineering?",
            "What does a data engineer do?",
        ),
        "Data engineering builds the pipelines that collect, clean and store data, so "
        "that others can use it.",
    ),
    Topic(
        (
            "What is ETL?",
            "What does ETL mean?",
        ),
        "ETL means extract, transform and load. It moves data from its sources into "
        "tables that are ready for analysis.",
    ),
    Topic(
        (
            "What is a data warehouse?",
            "What is a data lake?",
        ),
        "A data lake keeps raw files of every kind, and a data warehouse keeps clean "
        "tables for reports. A lakehouse joins both ideas.",
    ),
    Topic(
        (
            "What is Apache Parquet?",
            "What is Parquet?",
        ),
        "Parquet is a column-oriented file format. It is compact and fast to scan, so "
        "it is used a lot for analytics.",
    ),
    Topic(
        (
            "What is a DataFrame?",
            "What is pandas?",
        ),
        "A DataFrame is a table in memory with named columns. pandas is the best known "
        "Python library for it.",
    ),
    Topic(
        (
            "What is Prometheus?",
            "What are metrics?",
        ),
        "Prometheus collects metrics from servers, such as request counts and "
        "latencies, and stores them over time.",
    ),
    Topic(
        (
            "What is OpenTelemetry?",
            "What is a span?",
        ),
        "OpenTelemetry is an open standard for traces, metrics and logs. A span is one "
        "timed step of a trace.",
    ),
    Topic(
        (
            "What is HTTP?",
            "What does HTTP mean?",
        ),
        "HTTP is the protocol of the web. A client sends a request with a method and a "
        "path, and the server sends a response with a status code.",
    ),
    Topic(
        (
            "What are server-sent events?",
            "What is SSE?",
        ),
        "Server-sent events are a way to stream data over one HTTP response. Each "
        "event is a line that starts with data and ends with an empty line.",
    ),
    Topic(
        (
            "What does error 400 mean?",
            "What is status code 400?",
        ),
        "Status 400 means that the request is not valid. Read the message and check the JSON body.",
    ),
    Topic(
        (
            "What does error 500 mean?",
            "What is status code 500?",
        ),
        "Status 500 means that something went wrong inside the server. Look at the "
        "logs of the endpoint.",
    ),
)

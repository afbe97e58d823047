"""How language models work and how they are queried."""

from lakeserve_demo_model.training.facts.topic import Topic

TOPICS: tuple[Topic, ...] = (
    Topic(
        (
            "What is vector search?",
            "What is a vector database?",
        ),
        "Vector search finds the items whose embeddings are nearest to the embedding of a query.",
    ),
    Topic(
        (
            "What is an embedding?",
            "What are embeddings?",
            "Explain embeddings",
        ),
        "An embedding is a list of numbers that stands for the meaning of a text. "
        "Similar texts have similar embeddings.",
    ),
    Topic(
        (
            "What is a token?",
            "What are tokens?",
        ),
        "A token is a small piece of text, such as a word or a part of a word. "
        "Language models read and write tokens.",
    ),
    Topic(
        (
            "What is a tokenizer?",
            "What does a tokenizer do?",
        ),
        "A tokenizer splits text into tokens and maps each token to a number.",
    ),
    Topic(
        (
            "What is a large language model?",
            "What is an LLM?",
            "What is a language model?",
            "Explain large language models",
        ),
        "A large language model is a neural network that predicts the next token of a "
        "text. It was trained on a very large amount of text.",
    ),
    Topic(
        (
            "What is a mixture of experts model?",
            "What is a mixture of experts?",
            "What is MoE?",
        ),
        "A mixture of experts model has many small networks, called experts. A router "
        "picks a few of them for each token, so that only a part of the model is used "
        "at a time.",
    ),
    Topic(
        (
            "What is a transformer?",
            "What is a transformer model?",
        ),
        "A transformer is a neural network that uses attention to let every token look "
        "at the other tokens.",
    ),
    Topic(
        (
            "What is attention?",
            "What is self-attention?",
        ),
        "Attention lets a model weigh which other tokens are important for the current token.",
    ),
    Topic(
        (
            "What is fine-tuning?",
            "What is fine tuning?",
            "Explain fine-tuning",
        ),
        "Fine-tuning continues the training of a model on a small set of your own "
        "data, so that it gets better at your task.",
    ),
    Topic(
        (
            "What is LoRA?",
            "What is a LoRA adapter?",
        ),
        "LoRA trains a few small matrices instead of the whole model. The adapter is "
        "small and can be loaded on top of the base model.",
    ),
    Topic(
        (
            "What is quantization?",
            "Explain quantization",
            "What is a quantized model?",
        ),
        "Quantization stores the weights of a model with fewer bits. The model gets "
        "smaller and faster, and loses a little quality.",
    ),
    Topic(
        (
            "What is RAG?",
            "What is retrieval augmented generation?",
            "Explain retrieval augmented generation",
        ),
        "Retrieval augmented generation first finds documents that fit the question, "
        "and then gives them to the model as context for the answer.",
    ),
    Topic(
        (
            "What is an agent?",
            "What is an AI agent?",
            "What are agents?",
        ),
        "An agent is an application in which a language model decides which tools to "
        "call in order to reach a goal.",
    ),
    Topic(
        (
            "What is tool calling?",
            "What is function calling?",
            "Explain function calling",
        ),
        "With function calling the model does not answer in text, but returns the name "
        "and the arguments of a function that your code should run.",
    ),
    Topic(
        (
            "What is structured output?",
            "What are structured outputs?",
            "What is JSON mode?",
        ),
        "Structured output makes a model answer with JSON that follows a given schema.",
    ),
    Topic(
        (
            "What is streaming?",
            "Why should I use streaming?",
            "How does streaming work?",
        ),
        "With streaming the server sends each piece of the answer as soon as it is "
        "ready, so the user does not have to wait for the whole text.",
    ),
    Topic(
        (
            "What is a prompt?",
            "What are prompts?",
        ),
        "A prompt is the text that you give to a language model.",
    ),
    Topic(
        (
            "What is a system prompt?",
            "What is a system message?",
        ),
        "A system prompt tells the model how it should behave. It comes before the "
        "messages of the user.",
    ),
    Topic(
        (
            "What is temperature?",
            "What does temperature mean?",
            "What does the temperature parameter do?",
        ),
        "Temperature controls how random the answers are. With a temperature of zero "
        "the model always picks the most likely token.",
    ),
    Topic(
        (
            "What is top p?",
            "What is top_p?",
            "What does top_p mean?",
        ),
        "With top p the model only picks from the most likely tokens whose "
        "probabilities add up to p.",
    ),
    Topic(
        (
            "What are logprobs?",
            "What is a log probability?",
            "What are log probabilities?",
        ),
        "Logprobs are the logarithms of the probabilities that the model gives to its tokens.",
    ),
    Topic(
        (
            "What is a stop sequence?",
            "What are stop sequences?",
        ),
        "A stop sequence is a text at which the model stops to write.",
    ),
    Topic(
        (
            "What is latency?",
            "What does latency mean?",
        ),
        "Latency is the time between a request and its answer. Low latency means fast answers.",
    ),
    Topic(
        (
            "What is throughput?",
            "What does throughput mean?",
        ),
        "Throughput is the number of requests or tokens that a server can handle per second.",
    ),
    Topic(
        (
            "What is time to first token?",
            "What is TTFT?",
        ),
        "Time to first token is the time between the request and the first token of the answer.",
    ),
    Topic(
        (
            "What is continuous batching?",
            "Explain continuous batching",
            "What is dynamic batching?",
        ),
        "Continuous batching adds new requests to the running batch at every step, so "
        "that the hardware is always busy.",
    ),
    Topic(
        (
            "What is a KV cache?",
            "What is the KV cache?",
        ),
        "The KV cache stores the keys and values of earlier tokens, so that the model "
        "does not have to compute them again.",
    ),
    Topic(
        (
            "What is concurrency?",
            "What does concurrency mean?",
        ),
        "Concurrency is the number of requests that are handled at the same time.",
    ),
    Topic(
        (
            "What is a GPU?",
            "Why are GPUs used?",
            "Why do models need GPUs?",
        ),
        "A GPU is a processor that does many calculations at once. Large models need "
        "GPUs to be fast.",
    ),
    Topic(
        ("What is a CPU?",),
        "A CPU is the main processor of a computer. Small models like me can run on a CPU.",
    ),
    Topic(
        (
            "What is batch inference?",
            "What is batch prediction?",
        ),
        "Batch inference applies a model to many rows at once, often on a schedule, "
        "instead of one request at a time.",
    ),
    Topic(
        (
            "What is a prompt template?",
            "What are prompt templates?",
        ),
        "A prompt template is a text with placeholders. The placeholders are filled in "
        "before the prompt is sent to the model.",
    ),
    Topic(
        (
            "What is LangGraph?",
            "Tell me about LangGraph",
        ),
        "LangGraph is a library to build agents as graphs. Each node is a step, and "
        "the edges decide which step comes next.",
    ),
    Topic(
        (
            "What is LlamaIndex?",
            "Tell me about LlamaIndex",
        ),
        "LlamaIndex is a library that connects language models with your own "
        "documents. It helps to load, index and query them.",
    ),
    Topic(
        (
            "What is DSPy?",
            "Tell me about DSPy",
        ),
        "DSPy is a framework that treats prompts as programs. It can optimize them "
        "with examples and a metric.",
    ),
    Topic(
        (
            "What is a chain?",
            "What is a chain in LangChain?",
        ),
        "A chain connects several steps, such as a prompt, a model and a parser, so "
        "that they run one after another.",
    ),
    Topic(
        (
            "What is a chat model?",
            "What are chat models?",
        ),
        "A chat model takes a list of messages and returns the next message. Each "
        "message has a role, such as system, user or assistant.",
    ),
    Topic(
        (
            "What is a completion?",
            "What is text completion?",
        ),
        "A completion is the text that a model writes after a given prompt.",
    ),
    Topic(
        (
            "What is hallucination?",
            "What are hallucinations?",
            "What is a hallucination?",
        ),
        "A hallucination is an answer that sounds right but is wrong. Tiny models like "
        "me hallucinate very often.",
    ),
    Topic(
        (
            "What is the context window?",
            "What is a context window?",
            "What is context length?",
        ),
        "The context window is the number of tokens that a model can look at at once. "
        "It includes the prompt and the answer.",
    ),
    Topic(
        (
            "What is max_tokens?",
            "What does max_tokens mean?",
        ),
        "The max_tokens parameter limits how many tokens the model may write. When the "
        "limit is reached, the finish reason is length.",
    ),
    Topic(
        (
            "What is a finish reason?",
            "What is finish_reason?",
        ),
        "The finish reason says why a model stopped. It is stop for a complete answer, "
        "length for a limit and tool_calls for a tool call.",
    ),
    Topic(
        (
            "What is the Responses API?",
            "What is a ResponsesAgent?",
        ),
        "The Responses API takes a list of input items and returns a list of output "
        "items. It is made for agents that use tools.",
    ),
    Topic(
        (
            "What is MCP?",
            "What is the model context protocol?",
        ),
        "The model context protocol is an open standard that connects language models "
        "with tools and data sources.",
    ),
    Topic(
        (
            "What is prompt engineering?",
            "Explain prompt engineering",
        ),
        "Prompt engineering is the craft of writing prompts, so that a model gives better answers.",
    ),
    Topic(
        (
            "What is an LLM judge?",
            "What is LLM as a judge?",
        ),
        "An LLM judge is a language model that grades the answers of another model, "
        "for example for relevance or safety.",
    ),
)

"""Save the models that the tests serve: ``save_models.py DIRECTORY``, where MLflow is installed."""

import logging
import sys
import warnings
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from mlflow.pyfunc import ChatAgent, ChatModel, PythonModel, ResponsesAgent
from mlflow.types.agent import ChatAgentChunk, ChatAgentMessage, ChatAgentResponse
from mlflow.types.llm import (
    ChatChoice,
    ChatChoiceDelta,
    ChatChunkChoice,
    ChatCompletionChunk,
    ChatCompletionResponse,
    ChatMessage,
)
from mlflow.types.responses import (
    ResponsesAgentRequest,
    ResponsesAgentResponse,
    ResponsesAgentStreamEvent,
)


class Double(PythonModel):
    """Doubles a column; says what it is asked to say in other ways, too."""

    def predict(self, context, model_input, params=None):
        import os

        wish = (params or {}).get("wish")
        if wish == "raise":
            raise ValueError("the model does not want to")
        if wish == "memory":
            return len(bytearray(1 << 40))
        if wish == "crash":
            os._exit(7)
        if wish == "variable":
            return [os.environ.get("COLOUR", "none")]
        if wish == "rows":
            return [len(model_input)] * len(model_input)
        if wish == "luck" and 13 in set(model_input["x"]):
            raise ValueError("unlucky")
        if wish == "print":
            for _ in range(40):
                print("x" * (1 << 20))
        return model_input["x"] * 2


class Curious(PythonModel):
    """Runs the statements that it is given; says what became of each."""

    def predict(self, context, model_input, params=None):
        return [self._outcome(statement) for statement in model_input["statement"]]

    def _outcome(self, statement):
        try:
            exec(statement, {})
        except Exception as error:  # noqa: BLE001
            return type(error).__name__
        return "done"


class Parrot(ChatModel):
    """Repeats the last message."""

    def predict(self, context, messages, params):
        message = ChatMessage(role="assistant", content=messages[-1].content)
        return ChatCompletionResponse(choices=[ChatChoice(index=0, message=message)])

    def predict_stream(self, context, messages, params):
        for word in messages[-1].content.split():
            delta = ChatChoiceDelta(role="assistant", content=word)
            yield ChatCompletionChunk(choices=[ChatChunkChoice(index=0, delta=delta)])


class Agent(ChatAgent):
    """Says what it is told, and the custom inputs that came along."""

    def predict(self, messages, context=None, custom_inputs=None):
        said = ChatAgentMessage(role="assistant", content=messages[-1].content, id="1")
        return ChatAgentResponse(messages=[said], custom_outputs=custom_inputs)

    def predict_stream(self, messages, context=None, custom_inputs=None):
        for number, word in enumerate(messages[-1].content.split()):
            said = ChatAgentMessage(role="assistant", content=word, id=str(number))
            yield ChatAgentChunk(delta=said)


class Responder(ResponsesAgent):
    """Answers in the form of the Responses API."""

    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        text = str(request.input[-1].content)
        return ResponsesAgentResponse(output=[self.create_text_output_item(text, "msg_1")])

    def predict_stream(self, request: ResponsesAgentRequest):
        text = str(request.input[-1].content)
        for word in text.split():
            yield ResponsesAgentStreamEvent(**self.create_text_delta(word, "msg_1"))
        item = self.create_text_output_item(text, "msg_1")
        yield ResponsesAgentStreamEvent(type="response.output_item.done", item=item)


class Sleeper(PythonModel):
    """Never finishes loading."""

    def load_context(self, context):
        import time

        time.sleep(3600)

    def predict(self, context, model_input, params=None):
        return model_input


class Broken(PythonModel):
    """Cannot be loaded."""

    def load_context(self, context):
        print("looking for the weights")
        raise RuntimeError("the weights are missing")

    def predict(self, context, model_input, params=None):
        return model_input


def main(directory: Path) -> None:
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    signature = infer_signature(frame, frame, params={"wish": "none"})
    save = mlflow.pyfunc.save_model
    pins = {"pip_requirements": [f"mlflow=={mlflow.__version__}"]}
    save(directory / "double", python_model=Double(), signature=signature, **pins)
    statements = infer_signature(pd.DataFrame({"statement": ["pass"]}))
    save(directory / "curious", python_model=Curious(), signature=statements, **pins)
    save(directory / "parrot", python_model=Parrot(), **pins)
    save(directory / "agent", python_model=Agent(), **pins)
    save(directory / "responder", python_model=Responder(), **pins)
    save(directory / "sleeper", python_model=Sleeper(), **pins)
    save(directory / "broken", python_model=Broken(), **pins)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("saved")

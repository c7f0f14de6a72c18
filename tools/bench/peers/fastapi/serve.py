"""The benchmark's model in TensorFlow, behind FastAPI; MODEL in the environment names its Keras file."""

import os
import threading

import keras
import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

app = FastAPI()
turn = threading.Lock()
model = keras.models.load_model(os.environ["MODEL"], compile=False)


class Images(BaseModel):
    inputs: list[list[list[list[float]]]]


@app.get("/health")
def health() -> str:
    return "OK"


@app.post("/predict")
def predict(images: Images) -> dict:
    return {"outputs": answers(np.array(images.inputs, np.float32)).tolist()}


@app.post("/predict-binary")
async def predict_binary(request: Request) -> Response:
    pixels = np.frombuffer(await request.body(), np.float32).reshape(-1, 32, 32, 3)
    logits = await run_in_threadpool(answers, pixels)
    return Response(logits.tobytes(), media_type="application/octet-stream")


def answers(pixels: np.ndarray) -> np.ndarray:
    """Return the logits [N, 10] of FP32 pixels [N, 32, 32, 3]; one thread at a time, for several abort TensorFlow."""
    with turn:
        return model.predict_on_batch(pixels)

// The reader's own sound in helpers.listen (an anywidget): takes a file or records with the
// microphone, sends the sound to the kernel and shows the answer. Both travel as messages, so that
// neither becomes part of the notebook.

// A Jupyter server breaks the connection to the kernel for a message of 10 MiB.
const LARGEST = 9e6;

const TAP = `
registerProcessor("lm-tap", class extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) this.port.postMessage(input[0].slice());
    return true;
  }
});`;

// What a microphone hears, rather than what a telephone call would make of it.
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

const FAULTS = {
  NotFoundError: "No microphone was found. Connect one and try again.",
  NotAllowedError: "The browser may not use the microphone. Allow it for this page and try again.",
  NotReadableError: "The microphone is in use by another program, or it does not answer.",
};
const NO_ACCESS = "This page has no access to a microphone: open it at localhost or by https.";

function toWav(blocks, rate) {
  const count = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (at, letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * count, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * count, true);
  let at = 44;
  for (const block of blocks) {
    for (const value of block) {
      view.setInt16(at, Math.round(Math.max(-1, Math.min(1, value)) * 32767), true);
      at += 2;
    }
  }
  return view;
}

// Record until `seconds` of sound are there or `ending` is aborted: a WAV, or null without sound.
async function capture(seconds, ending, begun, heard) {
  const context = new AudioContext();
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: RAW });
    const url = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
    await context.audioWorklet.addModule(url);
    URL.revokeObjectURL(url);
    if (ending.aborted) return null;
    context.resume();
    const tap = new AudioWorkletNode(context, "lm-tap", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
    });
    const blocks = [];
    await new Promise((resolve) => {
      let missing = Math.round(seconds * context.sampleRate);
      tap.port.onmessage = ({ data }) => {
        if (missing > 0) blocks.push(data.subarray(0, missing));
        missing -= data.length;
        heard(data.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
        if (missing <= 0) resolve();
      };
      ending.addEventListener("abort", resolve);
      for (const track of stream.getTracks()) track.addEventListener("ended", resolve);
      setTimeout(resolve, 1000 * seconds + 2000);
      context.createMediaStreamSource(stream).connect(tap);
      begun();
    });
    tap.port.onmessage = null;
    return blocks.length ? toWav(blocks, context.sampleRate) : null;
  } finally {
    for (const track of stream?.getTracks() ?? []) track.stop();
    context.close();
  }
}

// Make the button that records; `take` gets the WAV. Returns what ends a recording that runs.
function microphone(seconds, parts, take) {
  const { button, said, make } = parts;
  const level = make("meter", "lm-own__level");
  level.setAttribute("aria-label", "Recording level");
  button.after(level);
  let recording = null;
  const rest = () => {
    button.textContent = "● Record";
    button.disabled = false;
    level.hidden = true;
    level.value = 0;
    recording = null;
  };
  rest();

  async function record() {
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
      said.textContent = NO_ACCESS;
      return;
    }
    for (const audio of document.querySelectorAll("audio")) audio.pause();
    recording = new AbortController();
    button.disabled = true;
    said.textContent = "Waiting for the microphone …";
    const begun = () => {
      button.textContent = "■ Stop";
      button.disabled = false;
      level.hidden = false;
      said.textContent = `Recording, at most ${seconds} s …`;
    };
    const heard = (peak) => {
      level.value = Math.max(peak, 0.98 * level.value);
    };
    try {
      const wav = await capture(seconds, recording.signal, begun, heard);
      if (wav) take("your recording.wav", wav);
      else said.textContent = "The microphone gave no sound.";
    } catch (error) {
      said.textContent = FAULTS[error.name] ?? `The microphone does not work: ${error.message}`;
    } finally {
      rest();
    }
  }

  button.addEventListener("click", () => (recording ? recording.abort() : record()));
  return () => recording?.abort();
}

// Make the button that asks for a file; `take` gets its content.
function file(parts, take) {
  const { button, said, make } = parts;
  const input = make("input", "lm-own__file");
  input.type = "file";
  input.accept = "audio/*,.wav,.flac,.ogg,.mp3,.aiff,.au";
  input.hidden = true;
  button.textContent = "Recognise a sound file";
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const [chosen] = input.files;
    if (!chosen) return;
    try {
      if (chosen.size <= LARGEST) take(chosen.name, new DataView(await chosen.arrayBuffer()));
      else said.textContent = `${chosen.name} has ${(chosen.size / 1e6).toFixed(0)} MB, more than ${LARGEST / 1e6}: cut it, or keep it as FLAC or MP3.`;
    } catch (error) {
      said.textContent = `${chosen.name} cannot be read: ${error.message}`;
    }
    input.value = "";
  });
  return () => {};
}

function render({ model, el }) {
  el.classList.add("lm-own");
  const make = (tag, name) => {
    const element = document.createElement(tag);
    element.className = name;
    el.append(element);
    return element;
  };
  const button = make("button", "lm-button");
  button.type = "button";
  const said = make("p", "lm-own__said");
  said.setAttribute("role", "status");
  const answer = make("div", "lm-own__answer");

  let gone = false;
  let asked = 0;
  const take = (name, content) => {
    if (gone) return;
    said.textContent = "Recognising …";
    answer.replaceChildren();
    asked += 1;
    model.send({ kind: "sound", number: asked, name }, undefined, [content]);
  };
  model.on("msg:custom", ({ kind, number, html }) => {
    if (kind !== "answer" || number !== asked) return;
    if (said.textContent === "Recognising …") said.textContent = "";
    answer.innerHTML = html;
    window.listeningMachines?.upgradeAll();
  });
  const parts = { button, said, make };
  const end = model.get("seconds") ? microphone(model.get("seconds"), parts, take) : file(parts, take);
  return () => {
    gone = true;
    end();
  };
}

export default { render };

// The reading components of helpers.listen: players with a moving playhead, comparisons, explorers
// and the blind listening test. Without this script every sound has the browser's own controls.
// It may be on a page more than once (JupyterLab brings it with each output) and looks after what
// is new. Nothing is fetched and nothing is stored.
(() => {
  if (window.listeningMachines) {
    window.listeningMachines.upgradeAll();
    return;
  }

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const written = (seconds) => `${seconds.toFixed(1)} s`;
  const lengthOf = (audio) =>
    Number.isFinite(audio.duration) && audio.duration > 0
      ? audio.duration
      : Number(audio.dataset.seconds) || 0;
  const ready = (audio) =>
    audio.readyState >= 3
      ? Promise.resolve()
      : new Promise((resolve, reject) => {
          audio.addEventListener("canplay", resolve, { once: true });
          audio.addEventListener("error", () => reject(new Error("sound not playable")), { once: true });
          audio.preload = "auto";
          audio.load();
        });

  const decks = new Set();

  // A deck is one position on one time axis, heard through one of several sounds of it.
  class Deck {
    constructor(sounds, label) {
      this.sounds = sounds;
      this.label = label;
      this.chosen = 0;
      this.tracks = [];
      this.playing = false;
      this.nextLook = 0;
      this.wanted = null; // a position asked for that the sound has not reached yet
      this.button = make("button", "lm-play");
      this.button.type = "button";
      this.button.addEventListener("click", () => this.toggle());
      this.time = make("span", "lm-time");
      for (const [index, audio] of sounds.entries()) {
        audio.controls = false;
        audio.hidden = true;
        audio.classList.add("lm-silent");
        audio.addEventListener("seeked", () => {
          if (index !== this.chosen || this.starting) return;
          this.wanted = null;
          this.draw();
        });
        audio.addEventListener("ended", () => index === this.chosen && this.ended());
        audio.addEventListener("pause", () => {
          if (index === this.chosen && this.playing && !audio.ended && !this.starting) this.pause();
        });
        audio.addEventListener("play", () => index === this.chosen && !this.playing && this.took());
      }
      decks.add(this);
      this.draw();
    }

    get audio() {
      return this.sounds[this.chosen];
    }

    get position() {
      return this.wanted ?? this.audio.currentTime;
    }

    get seconds() {
      return lengthOf(this.audio);
    }

    // A surface to click in, with a playhead, that works as a slider by keyboard.
    track(picture) {
      const surface = make("div", picture ? "lm-track" : "lm-track lm-track--bare");
      surface.tabIndex = 0;
      surface.setAttribute("role", "slider");
      surface.setAttribute("aria-label", `Position in: ${this.label}`);
      surface.setAttribute("aria-valuemin", "0");
      if (picture) {
        picture.replaceWith(surface);
        surface.append(picture);
        if (picture.dataset.top) {
          for (const [at, text] of [["top", picture.dataset.top], ["bottom", "0"]]) {
            const mark = make("span", `lm-mark lm-mark--${at}`, text);
            mark.setAttribute("aria-hidden", "true");
            surface.append(mark);
          }
        }
      }
      surface.append(make("span", "lm-playhead"));
      const seekTo = (event) => {
        const box = surface.getBoundingClientRect();
        this.seek((this.seconds * (event.clientX - box.left)) / box.width);
      };
      surface.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        surface.setPointerCapture(event.pointerId);
        seekTo(event);
      });
      surface.addEventListener("pointermove", (event) => event.buttons === 1 && seekTo(event));
      surface.addEventListener("keydown", (event) => this.key(event));
      this.tracks.push(surface);
      this.draw();
      return surface;
    }

    key(event) {
      const step = event.shiftKey ? 0.02 : Math.max(0.05, this.seconds / 20);
      const moves = {
        ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step,
        PageDown: -5 * step, PageUp: 5 * step, Home: -Infinity, End: Infinity,
      };
      if (event.key === " " || event.key === "Enter") this.toggle();
      else if (event.key in moves) this.seek(this.position + moves[event.key]);
      else return;
      event.preventDefault();
    }

    seek(seconds) {
      const target = Math.max(0, Math.min(this.seconds, seconds));
      this.wanted = target;
      if (this.sounds.every((audio) => audio.readyState > 0)) {
        for (const audio of this.sounds) audio.currentTime = target;
      }
      this.draw();
    }

    async toggle() {
      await (this.playing ? this.pause() : this.play());
    }

    async play() {
      decks.add(this);
      for (const other of decks) if (other !== this) other.pause();
      for (const other of document.querySelectorAll("audio")) {
        if (!this.sounds.includes(other)) other.pause();
      }
      this.playing = true;
      this.starting = true;
      this.draw();
      try {
        const at = this.position >= this.seconds - 0.02 ? 0 : this.position;
        await Promise.all(this.sounds.map(ready));
        if (!this.playing) return;
        for (const audio of this.sounds) {
          audio.muted = audio !== this.audio;
          audio.playbackRate = 1;
          if (Math.abs(audio.currentTime - at) > 0.005) audio.currentTime = at;
        }
        this.wanted = null;
        this.nextLook = performance.now() + 120;
        const silent = this.sounds.filter((audio) => audio !== this.audio);
        await Promise.all([...silent, this.audio].map((audio) => audio.play()));
      } catch (error) {
        if (error.name !== "AbortError") this.fail(error);
      } finally {
        this.starting = false;
      }
      if (this.playing) this.run();
    }

    took() {
      decks.add(this);
      this.playing = true;
      this.run();
    }

    pause() {
      this.playing = false;
      for (const audio of this.sounds) audio.pause();
      this.draw();
    }

    ended() {
      if (this.starting) return;
      this.pause();
    }

    fail(error) {
      this.playing = false;
      this.time.textContent = `cannot play: ${error.message}`;
      this.broken = true;
    }

    // Hear another sound of the deck from the same position on, without a gap while it plays.
    choose(index) {
      const old = this.audio;
      const next = this.sounds[index];
      this.chosen = index;
      if (next !== old) {
        const at = this.wanted ?? old.currentTime;
        const far = this.playing ? 0.1 : 0.001;
        if (next.readyState > 0 && Math.abs(next.currentTime - at) > far) next.currentTime = at;
        next.playbackRate = 1;
        next.muted = false;
        old.muted = true;
      }
      this.draw();
    }

    // The silent ones keep up with the one that is heard by going faster or slower for a moment. A
    // browser has sound in store, so a change of rate is heard late: measure, correct, wait.
    align(now) {
      if (now < this.nextLook) return;
      this.nextLook = now + 260;
      const at = this.audio.currentTime;
      for (const audio of this.sounds) {
        const late = at - audio.currentTime;
        const correct = audio !== this.audio && audio.playbackRate === 1 && Math.abs(late) > 0.025;
        const rate = correct ? Math.max(0.5, Math.min(2, 1 + (late + 0.01) / 0.26)) : 1;
        if (audio.playbackRate !== rate) audio.playbackRate = rate;
      }
    }

    run() {
      this.draw();
      if (!this.playing) return;
      this.align(performance.now());
      requestAnimationFrame(() => this.run());
    }

    draw() {
      const { position, seconds } = this;
      this.button.textContent = this.playing ? "❚❚" : "►";
      this.button.setAttribute("aria-label", `${this.playing ? "Pause" : "Play"}: ${this.label}`);
      if (!this.broken) this.time.textContent = `${position.toFixed(1)} / ${written(seconds)}`;
      for (const surface of this.tracks) {
        surface.style.setProperty("--lm-at", seconds ? position / seconds : 0);
        surface.setAttribute("aria-valuemax", seconds.toFixed(2));
        surface.setAttribute("aria-valuenow", position.toFixed(2));
        surface.setAttribute("aria-valuetext", `${written(position)} of ${written(seconds)}`);
      }
    }
  }

  const pictureOf = (element) => element.querySelector(".lm-wave, .lm-spec");
  const row = (deck, ...tracks) => {
    const line = make("div", "lm-deck");
    line.append(deck.button, ...tracks, deck.time);
    return line;
  };

  function upgradePlayer(figure) {
    const audio = figure.querySelector("audio");
    if (!audio) return;
    const picture = pictureOf(figure);
    const deck = new Deck([audio], audio.getAttribute("aria-label"));
    const place = make("span");
    (picture ?? audio).before(place);
    const surface = deck.track(picture);
    const line = row(deck, surface);
    if (picture?.classList.contains("lm-spec")) line.classList.add("lm-deck--tall");
    place.replaceWith(line);
  }

  function upgradeCompare(figure) {
    const lanes = [...figure.querySelectorAll(".lm-lane")];
    const audios = lanes.map((lane) => lane.querySelector("audio"));
    const title = figure.getAttribute("aria-label");
    const deck = new Deck(audios, title);
    const choices = make("div", "lm-choices");
    choices.setAttribute("role", "group");
    choices.setAttribute("aria-label", "Which version is heard");
    const buttons = lanes.map((lane, index) => {
      const button = make("button", "lm-choice");
      button.type = "button";
      button.append(make("b", "", "ABCDEF"[index]), ` ${lane.dataset.label}`);
      button.addEventListener("click", () => choose(index));
      choices.append(button);
      return button;
    });
    const choose = (index) => {
      deck.choose(index);
      lanes.forEach((lane, i) => (lane.hidden = i !== index));
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === index));
    };
    let bare = null;
    for (const lane of lanes) {
      lane.querySelector(".lm-lane__label").hidden = true;
      const picture = pictureOf(lane);
      if (picture) deck.track(picture);
      else bare ??= deck.track(null);
    }
    lanes[0].before(choices, bare ? row(deck, bare) : row(deck));
    figure.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const index = "123456".indexOf(event.key) + 1 || "abcdef".indexOf(event.key.toLowerCase()) + 1;
      if (event.key.length === 1 && index > 0 && index <= lanes.length) choose(index - 1);
    });
    choose(0);
  }

  function upgradeExplorer(figure) {
    const states = new Map(
      [...figure.querySelectorAll(".lm-state")].map((state) => [state.dataset.at, state]),
    );
    const sliders = [...figure.querySelectorAll(".lm-control input")];
    const players = new Map();
    for (const [at, state] of states) {
      const audio = state.querySelector("audio");
      if (!audio) continue;
      const deck = new Deck([audio], audio.getAttribute("aria-label"));
      audio.before(row(deck, deck.track(null)));
      players.set(at, deck);
    }
    const warm = (at) => {
      for (const image of states.get(at)?.querySelectorAll("img") ?? []) image.loading = "eager";
    };
    let current = sliders.map((slider) => slider.value).join(",");
    const draw = async () => {
      const at = sliders.map((slider) => slider.value).join(",");
      for (const slider of sliders) {
        const text = slider.dataset.written.split("|")[slider.value];
        slider.setAttribute("aria-valuetext", text);
        slider.parentElement.querySelector("output").textContent = text;
      }
      const old = players.get(current);
      const wasPlaying = old?.playing;
      const position = old?.position ?? 0;
      current = at;
      for (const [key, state] of states) state.hidden = key !== at;
      warm(at);
      sliders.forEach((slider, i) => {
        for (const step of [-1, 1]) {
          warm(sliders.map((s, j) => (i === j ? Number(s.value) + step : s.value)).join(","));
        }
      });
      if (wasPlaying) {
        old.pause();
        const next = players.get(at);
        if (!next) return;
        await ready(next.audio);
        if (current !== at) return;
        next.seek(position < next.seconds - 0.05 ? position : 0);
        await next.play();
      }
    };
    sliders.forEach((slider) => slider.addEventListener("input", draw));
    figure.querySelector(".lm-controls").hidden = false;
    draw();
  }

  const shuffled = (list) => {
    const copy = [...list];
    for (let i = copy.length - 1; i > 0; i -= 1) {
      const j = Math.floor(Math.random() * (i + 1));
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
  };
  const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

  // Spearman's rank correlation, ties at their mean rank.
  function rankCorrelation(a, b) {
    const ranks = (list) =>
      list.map((x) => list.filter((y) => y < x).length + (list.filter((y) => y === x).length - 1) / 2);
    const [ra, rb] = [ranks(a), ranks(b)];
    const [ma, mb] = [mean(ra), mean(rb)];
    let [top, va, vb] = [0, 0, 0];
    ra.forEach((x, i) => {
      top += (x - ma) * (rb[i] - mb);
      va += (x - ma) ** 2;
      vb += (rb[i] - mb) ** 2;
    });
    return va && vb ? top / Math.sqrt(va * vb) : null;
  }

  function upgradeJudge(section) {
    const stage = section.querySelector(".lm-judge__items");
    const answers = section.querySelector("details");
    const items = [...stage.querySelectorAll(".lm-judge__item")].map((item) => ({
      name: item.dataset.item,
      stimuli: [...item.querySelectorAll(".lm-stimulus")].map((one) => ({
        system: one.dataset.system,
        metrics: JSON.parse(one.dataset.metrics),
        audio: one.querySelector("audio"),
      })),
    }));
    const vault = make("div");
    vault.hidden = true;
    for (const item of items) for (const one of item.stimuli) vault.append(one.audio);
    section.append(vault);
    answers.hidden = true;
    const begin = make("button", "lm-button", `Start the test (${items.length} sounds)`);
    begin.type = "button";
    stage.replaceChildren(begin);
    begin.addEventListener("click", () => {
      const order = shuffled(items);
      const scores = [];
      const next = () => {
        const item = order[scores.length ? new Set(scores.map((s) => s.item)).size : 0];
        if (item) judge(item, order.indexOf(item), order.length, scores, next);
        else result(scores);
      };
      next();
    });

    function judge(item, index, count, scores, next) {
      const open = item.stimuli.find((one) => one.system === "hidden reference");
      const hidden = shuffled(item.stimuli);
      const deck = item.deck ?? new Deck(item.stimuli.map((one) => one.audio), item.name);
      item.deck = deck;
      const page = make("div", "lm-judge__page");
      page.append(make("p", "lm-judge__where", `${index + 1} of ${count}: ${item.name}`));
      deck.tracks = [];
      page.append(row(deck, deck.track(null)));
      const hear = [];
      const button = (text, one) => {
        const element = make("button", "lm-choice", text);
        element.type = "button";
        element.addEventListener("click", async () => {
          hear.forEach((other) => other.setAttribute("aria-pressed", other === element));
          deck.choose(item.stimuli.indexOf(one));
          if (!deck.playing) await deck.play();
        });
        element.setAttribute("aria-pressed", false);
        hear.push(element);
        return element;
      };
      const top = make("div", "lm-choices");
      top.append(button("Reference", open));
      page.append(top);
      const scale = make("div", "lm-judge__scale");
      scale.setAttribute("aria-hidden", "true");
      for (const word of ["bad", "poor", "fair", "good", "excellent"]) scale.append(make("span", "", word));
      page.append(scale);
      const rated = hidden.map((one, i) => {
        const letter = "ABCDEFGHIJ"[i];
        const line = make("div", "lm-judge__line");
        const slider = make("input");
        slider.type = "range";
        slider.min = 0;
        slider.max = 100;
        slider.value = 50;
        slider.setAttribute("aria-label", `Score for sound ${letter}, 0 bad to 100 excellent`);
        const value = make("output", "", "–");
        slider.addEventListener("input", () => {
          value.textContent = slider.value;
          slider.dataset.touched = "yes";
          done.disabled = !rated.every((r) => r.slider.dataset.touched);
        });
        line.append(button(letter, one), slider, value);
        page.append(line);
        return { one, slider };
      });
      const done = make("button", "lm-button", index + 1 < count ? "Next sound" : "Show the result");
      done.type = "button";
      done.disabled = true;
      page.append(done, make("p", "lm-judge__note", "Move every slider, then go on."));
      done.addEventListener("click", () => {
        deck.pause();
        for (const { one, slider } of rated) {
          scores.push({ item, system: one.system, score: Number(slider.value), metrics: one.metrics });
        }
        next();
      });
      stage.replaceChildren(page);
      done.scrollIntoView({ block: "nearest" });
    }

    function result(scores) {
      const systems = [...new Set(scores.map((s) => s.system))];
      const metrics = [...new Set(scores.flatMap((s) => Object.keys(s.metrics)))];
      const rows = systems.map((system) => {
        const own = scores.filter((s) => s.system === system);
        return {
          system,
          score: mean(own.map((s) => s.score)),
          metrics: metrics.map((m) => {
            const known = own.filter((s) => m in s.metrics).map((s) => s.metrics[m]);
            return known.length ? mean(known) : null;
          }),
        };
      });
      rows.sort((a, b) => b.score - a.score);
      const table = make("table");
      const head = make("tr");
      for (const text of ["System", "Your mean score", ...metrics]) {
        const cell = make("th", "", text);
        cell.scope = "col";
        head.append(cell);
      }
      table.append(make("thead"));
      table.tHead.append(head);
      table.append(make("tbody"));
      for (const one of rows) {
        const line = make("tr");
        const name = make("th", "", one.system);
        name.scope = "row";
        const score = make("td", "lm-judge__score", one.score.toFixed(0));
        score.style.setProperty("--lm-score", one.score / 100);
        line.append(name, score);
        for (const m of one.metrics) line.append(make("td", "", m === null ? "–" : m.toFixed(1)));
        table.tBodies[0].append(line);
      }
      const page = make("div", "lm-judge__page");
      page.tabIndex = -1;
      const scroller = make("div", "lm-table");
      scroller.append(table);
      page.append(scroller);
      for (const metric of metrics) {
        const known = scores.filter((s) => metric in s.metrics);
        const r = rankCorrelation(known.map((s) => s.score), known.map((s) => s.metrics[metric]));
        const text = r === null ? "not defined, as all are equal" : r.toFixed(2).replace("-", "−");
        page.append(make("p", "", `Rank correlation of your scores with ${metric}: ${text} (over ${known.length} sounds).`));
      }
      const missed = scores.filter((s) => s.system === "hidden reference" && s.score < 90).length;
      page.append(
        make(
          "p",
          "lm-judge__note",
          missed
            ? `You gave the hidden reference less than 90 in ${missed} of ${items.length} cases: a formal test would leave a listener out who does so in more than 15 % of them.`
            : "You found the hidden reference every time.",
        ),
      );
      const again = make("button", "lm-button", "Start again");
      again.type = "button";
      again.addEventListener("click", () => begin.click());
      page.append(again);
      stage.replaceChildren(page);
      answers.hidden = false;
      page.focus();
    }
  }

  const kinds = {
    player: upgradePlayer,
    compare: upgradeCompare,
    explorer: upgradeExplorer,
    "listening-test": upgradeJudge,
  };
  function upgradeAll() {
    for (const element of document.querySelectorAll("[data-lm]:not([data-lm-live])")) {
      element.dataset.lmLive = "yes";
      element.classList.add("is-live");
      kinds[element.dataset.lm]?.(element);
    }
    for (const deck of decks) if (!deck.audio.isConnected) decks.delete(deck);
  }

  // One sound at a time, also among players without a deck.
  document.addEventListener(
    "play",
    (event) => {
      const mine = [...decks].find((deck) => deck.sounds.includes(event.target));
      for (const other of document.querySelectorAll("audio")) {
        if (other !== event.target && !mine?.sounds.includes(other)) other.pause();
      }
    },
    true,
  );

  window.listeningMachines = { upgradeAll };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", upgradeAll);
  else upgradeAll();
})();

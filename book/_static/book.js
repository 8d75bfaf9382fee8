// The landing page's figure: a playhead over the spectrogram, and one button per word.
(() => {
  const stage = document.querySelector(".lm-hero");
  if (!stage) return;
  const audio = stage.querySelector("audio");
  const head = stage.querySelector(".lm-hero__playhead");
  const words = [...stage.querySelectorAll(".lm-hero__word")];
  const seconds = Number(stage.dataset.seconds);
  let stopAt = Infinity;

  const draw = () => {
    const now = audio.currentTime;
    head.style.left = `${(100 * now) / seconds}%`;
    for (const word of words) {
      const inside = now >= Number(word.dataset.start) && now <= Number(word.dataset.end) + 0.05;
      word.classList.toggle("is-playing", !audio.paused && inside);
    }
    if (now >= stopAt) audio.pause();
    if (!audio.paused) requestAnimationFrame(draw);
  };
  audio.addEventListener("play", () => {
    stage.classList.add("is-active");
    draw();
  });
  audio.addEventListener("pause", () => {
    stopAt = Infinity;
    draw();
  });
  audio.addEventListener("seeked", draw);
  for (const word of words) {
    word.addEventListener("click", async () => {
      stopAt = Infinity;
      audio.currentTime = Math.max(0, Number(word.dataset.start) - 0.05);
      await audio.play();
      stopAt = Number(word.dataset.end) + 0.12;
    });
  }
})();

// What scrolls sideways can be reached and scrolled by keyboard.
(() => {
  const scrollers = "mjx-container[display], .cell_output, .lm-figure, .lm-stage, .lm-table, .lm-players, pre";
  const mark = () => {
    for (const box of document.querySelectorAll(`main :is(${scrollers})`)) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    }
  };
  addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    mark();
  });
  addEventListener("resize", mark);
})();

// A link to something folded unfolds it.
(() => {
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
})();

// The claims ledger can be narrowed to one outcome and one part.
(() => {
  const mark = document.querySelector('main a[href$="claims.json"]');
  const table = [...document.querySelectorAll("main table")].find((t) => /Verdict/.test(t.tHead?.innerText ?? ""));
  if (!mark || !table) return;
  const rows = [...table.tBodies[0].rows].map((row) => ({
    row,
    outcome: row.cells[6].innerText.trim(),
    part: `Part ${row.cells[0].innerText.trim().split(".")[0]}`,
  }));
  const form = document.createElement("form");
  form.className = "lm-filter";
  const count = document.createElement("output");
  const show = () => {
    let shown = 0;
    for (const entry of rows) {
      entry.row.hidden = choices.some(({ key, select }) => select.value && entry[key] !== select.value);
      shown += !entry.row.hidden;
    }
    count.textContent = `${shown} of ${rows.length} claims`;
  };
  const choices = [["outcome", "Verdict"], ["part", "Part"]].map(([key, words]) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.name = key;
    select.add(new Option("all", ""));
    for (const value of [...new Set(rows.map((entry) => entry[key]))].sort()) select.add(new Option(value, value));
    select.addEventListener("change", show);
    label.append(`${words} `, select);
    form.append(label);
    return { key, select };
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.append(count);
  mark.closest("p").after(form);
  show();
})();

// Draws the figures that stand as JSON in the page, in the palette of the reader's light.
(function () {
  "use strict";
  const root = document.documentElement;
  const page = JSON.parse(document.getElementById("figures").textContent);
  const pickView = document.getElementById("pick-view");
  const pickAsset = document.getElementById("pick-asset");
  const coarse = window.matchMedia("(pointer: coarse)").matches;
  let printing = false;
  const config = {
    responsive: true, displaylogo: false, scrollZoom: false,
    displayModeBar: coarse ? false : "hover",
    modeBarButtons: [["toImage", "resetScale2d"]], // never the one that shares data elsewhere
  };

  function colour(text) {
    const [name, share] = text.split("/");
    const hex = getComputedStyle(root).getPropertyValue(name).trim();
    if (!share) return hex;
    const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${parts.join(",")},${share})`;
  }

  // Copies a figure with its colours and shared lines put in.
  function dress(value, key) {
    if (Array.isArray(value)) {
      return value.length && typeof value[0] === "object" ? value.map((item) => dress(item)) : value;
    }
    if (value && typeof value === "object") {
      const copy = {};
      for (const [name, item] of Object.entries(value)) {
        if (name === "shared") Object.assign(copy, page.lines[item]);
        else copy[name] = dress(item, name);
      }
      return copy;
    }
    const coloured = key === "color" || key === "fillcolor";
    return coloured && typeof value === "string" && value.startsWith("--") ? colour(value) : value;
  }

  function layoutOf(figure) {
    const narrow = window.innerWidth < 640;
    const ink = colour("--ink"), soft = colour("--ink-soft"), rule = colour("--rule");
    const axis = {
      gridcolor: rule, linecolor: rule, zerolinecolor: soft, tickcolor: rule, automargin: true,
      tickfont: { color: soft }, title: { font: { color: soft }, standoff: 8 },
    };
    const layout = dress(figure.layout);
    layout.xaxis = layout.xaxis || {};
    for (const name of Object.keys(layout).filter((name) => /^[xy]axis/.test(name))) {
      const title = Object.assign({}, axis.title, layout[name].title);
      layout[name] = Object.assign({}, axis, layout[name], { title });
    }
    return Object.assign({
      autosize: true, showlegend: false,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 12, color: ink },
      margin: { l: narrow ? 8 : 56, r: 8, t: 8, b: 32 },
      dragmode: coarse ? false : "zoom",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: ink },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: ink } },
      hoverlabel: { bgcolor: colour("--wash"), bordercolor: rule, font: { color: ink } },
    }, layout);
  }

  function draw(name, figure) {
    const frame = document.getElementById("figure-" + name);
    if (frame) frame.hidden = !figure;
    if (figure) Plotly.react("chart-" + name, dress(figure.data), layoutOf(figure), config);
  }

  function drawView() {
    const number = Number(pickView.value || 0);
    const figures = page.views[number];
    for (const node of document.querySelectorAll(".view")) {
      node.hidden = node.dataset.view !== String(number);
    }
    const wanted = pickAsset.selectedOptions.length ? pickAsset.selectedOptions[0].text : "";
    const names = page.assets[number];
    pickAsset.replaceChildren(...names.map((name, at) => new Option(name, at)));
    pickAsset.value = Math.max(0, names.indexOf(wanted));
    pickAsset.parentElement.hidden = names.length < 2;
    draw("price", figures.price[Number(pickAsset.value)]);
    for (const name of ["cost", "position", "action", "asset"]) draw(name, figures[name]);
  }

  function drawAll() {
    draw("growth", page.growth);
    for (const [name, figure] of Object.entries(page.more)) draw(name, figure);
    drawView();
  }

  function guarded(work) {
    return function () {
      try {
        work();
        root.dataset.charts = "drawn";
      } catch (error) {
        root.dataset.charts = "failed";
        document.getElementById("chart-trouble").hidden = false;
        throw error;
      }
    };
  }

  pickView.addEventListener("change", guarded(drawView));
  pickAsset.addEventListener("change", guarded(drawView));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", guarded(drawAll));
  // Boxes change width without the window, as when a scroll bar comes or a phone turns.
  const boxes = new ResizeObserver((changes) => {
    for (const { target, contentRect } of changes) {
      const drawn = target._fullLayout;
      if (drawn && contentRect.width && !printing && Math.abs(drawn.width - contentRect.width) > 1) {
        Plotly.Plots.resize(target);
      }
    }
  });
  document.querySelectorAll(".chart").forEach((node) => boxes.observe(node));
  // Paper is light and narrower than the screen.
  window.addEventListener("beforeprint", guarded(function () {
    printing = true;
    root.dataset.light = "light";
    drawAll();
    for (const node of document.querySelectorAll(".chart.js-plotly-plot")) {
      const tall = node.classList.contains("tall");
      Plotly.relayout(node, { autosize: false, width: tall ? 700 : 340, height: tall ? 380 : 220 });
    }
  }));
  window.addEventListener("afterprint", guarded(function () {
    printing = false;
    delete root.dataset.light;
    drawAll();
  }));
  guarded(drawAll)();
})();

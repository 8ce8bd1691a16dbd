"use strict";
// SQL as coloured words, and what differs between two queries, word by word.
const Sql = (() => {
  const KEYWORDS = new Set(("select from where group by having order limit offset join left right inner outer cross natural on using as " +
    "and or not in is null like glob between exists case when then else end distinct all union intersect except with asc desc " +
    "cast collate values count sum avg min max").split(" "));
  // Comments, texts, names in quotes, numbers, words, blanks, any other sign.
  const PIECES = /--[^\n]*|\/\*[^]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\d+(?:\.\d+)?|[\p{L}\p{N}_]+|\s+|[^]/gu;

  const pieces = (text) => text.match(PIECES) || [];
  const isBlank = (piece) => /^\s/.test(piece);

  function styleOf(piece) {
    if (/^(--|\/\*)/.test(piece)) return "comment";
    if (/^['"`]/.test(piece)) return "text";
    if (/^\d/.test(piece)) return "number";
    return KEYWORDS.has(piece.toLowerCase()) ? "word" : "";
  }

  function node(piece) {
    const style = styleOf(piece);
    if (!style) return document.createTextNode(piece);
    const span = document.createElement("span");
    span.className = `sql-${style}`;
    span.textContent = piece;
    return span;
  }

  // Runs of [mark, pieces]: what both have (""), what only `to` has ("ins"), what only `from` has ("del"); by a longest
  // common subsequence of the pieces that are not blank.
  function differences(from, to) {
    const a = pieces(from).filter((p) => !isBlank(p)), b = pieces(to), words = b.filter((p) => !isBlank(p));
    const width = words.length + 1, common = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; --i) {
      for (let j = words.length - 1; j >= 0; --j) {
        common[i * width + j] = a[i] === words[j] ? common[(i + 1) * width + j + 1] + 1
          : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
      }
    }
    const runs = [];
    const add = (mark, piece) => {
      const last = runs[runs.length - 1];
      if (last && last[0] === mark) last[1].push(piece);
      else runs.push([mark, [piece]]);
    };
    let i = 0, j = 0, blank = "";
    // Blanks are marked only between words that are marked alike.
    const addWord = (mark, word) => {
      const last = runs[runs.length - 1];
      if (blank) add(mark === "ins" && last && last[0] === mark ? mark : "", blank);
      blank = "";
      add(mark, word);
    };
    for (const piece of b) {
      if (isBlank(piece)) {
        blank = piece;
        continue;
      }
      while (i < a.length && a[i] !== words[j] && common[(i + 1) * width + j] >= common[i * width + j + 1]) addWord("del", a[i++]);
      if (i < a.length && a[i] === words[j]) {
        addWord("", piece);
        ++i;
      } else {
        addWord("ins", piece);
      }
      ++j;
    }
    if (blank) add("", blank);
    blank = "";
    for (; i < a.length; ++i) addWord("del", a[i]);
    return runs;
  }

  const LONGEST = 4000;  // characters; longer ones are shown as they are
  function coloured(box, text) {
    box.append(...(text.length > LONGEST ? [text] : pieces(text).map(node)));
    return box;
  }

  function compared(box, gold, text) {
    if (gold.length > LONGEST || text.length > LONGEST) return coloured(box, text);
    for (const [mark, run] of differences(gold, text)) {
      if (!mark) {
        box.append(...run.map(node));
        continue;
      }
      const part = document.createElement(mark);
      part.append(mark === "del" ? run.join(" ") : "", ...(mark === "del" ? [] : run.map(node)));
      box.append(part);
    }
    return box;
  }

  return { coloured, compared };
})();


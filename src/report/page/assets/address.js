// What is shown, as part of the page's address: #task=NAME&show=lost&id=17. Sections keep their plain names (#results).
const Address = (() => {
  const read = () => (location.hash.includes("=") ? new URLSearchParams(location.hash.slice(1)) : null);

  // `state`: [name, value] of everything that differs from what the page shows by itself.
  const hash = (state) => `#${state.length ? new URLSearchParams(state) : "questions"}`;

  // Without a step in the browser's history: every letter of a search would be one.
  function write(state) {
    if (state.length || read()) history.replaceState(null, "", hash(state));
  }

  return { read, hash, write };
})();


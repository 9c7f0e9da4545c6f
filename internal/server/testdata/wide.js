(() => {
  const wide = [];
  for (const element of document.querySelectorAll("body *")) {
    const box = element.getBoundingClientRect();
    if (box.width > 0 && box.left > -1000 && (box.right > innerWidth + 1 || box.left < -1)) wide.push(element.tagName + "." + element.getAttribute("class"));
  }
  return wide;
})()

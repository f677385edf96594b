// A list of messages that stays at its end: while its reader is there, and once they have sent something.

const NEAR = 80; // pixels from the end that still count as being there

export function keepAtEnd(list) {
  let follows = true;
  let top = 0;
  const toEnd = () => {
    if (follows) list.scrollTop = list.scrollHeight;
  };
  list.addEventListener("scroll", () => {
    // Only a move upwards is a reader's: content that grows late leaves the list above its end, too.
    if (list.scrollHeight - list.scrollTop - list.clientHeight < NEAR) follows = true;
    else if (list.scrollTop < top) follows = false;
    top = list.scrollTop;
  });
  // Pictures and fonts arrive late, and the box below grows with what is typed.
  const sizes = new ResizeObserver(toEnd);
  sizes.observe(list);
  return {
    toEnd,
    watch: (child) => {
      sizes.observe(child);
      return child;
    },
    follow: () => {
      follows = true;
      toEnd();
    },
  };
}

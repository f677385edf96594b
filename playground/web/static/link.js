// The wire: state comes over a WebSocket, acts go by POST.

export const state = { slack: null, github: [] };

export function follow(onChange, onStatus) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  let wait = 250;
  const connect = () => {
    const socket = new WebSocket(`${scheme}://${location.host}/playground/ws`);
    socket.onopen = () => {
      wait = 250;
      onStatus(true);
    };
    socket.onmessage = (message) => {
      const { part, state: fresh } = JSON.parse(message.data);
      state[part] = fresh;
      onChange(part);
    };
    socket.onclose = () => {
      onStatus(false);
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, 5000);
    };
  };
  connect();
}

// Answers { ok, error?, problems? }; never throws.
export async function act(wanted) {
  try {
    const response = await fetch("/playground/act", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wanted),
    });
    const answer = await response.json();
    return response.ok ? answer : { ok: false, error: answer.error || answer.detail || `HTTP ${response.status}` };
  } catch {
    return { ok: false, error: "the playground does not answer; is it still running?" };
  }
}

export async function read(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error((await response.json()).detail || `HTTP ${response.status}`);
  return response;
}

export function notice(text) {
  const place = document.getElementById("notices");
  const line = document.createElement("p");
  line.textContent = text;
  place.append(line);
  setTimeout(() => line.remove(), 6000);
}

// The bare loop as a Node program: reads, parses, counts each mail once.
const WebSocket = require("ws");

const [url, count] = [process.argv[1], Number(process.argv[2])];
const seen = new Set();
const socket = new WebSocket(url.replace(/^http/, "ws") + "/v1/ws");
socket.on("open", () => socket.send('{"type":"subscribe"}'));
socket.on("message", (data) => {
  const event = JSON.parse(data);
  if (event.event_id === undefined) return;
  seen.add(event.event_id);
  if (seen.size < count) return;
  const { user, system } = process.cpuUsage();
  console.log((user + system) / 1e6);
  socket.close();
});

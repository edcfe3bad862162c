// A program of its own, since only a process can be in another network namespace: sends a datagram from each address of one kind to
// its counterpart, again and again, until its standard input ends. Nobody listens there: what comes back is the kernel's "port
// unreachable", so each round trip crosses its tunnel in both directions.
import { createSocket } from "node:dgram";

/** The discard port (RFC 863). */
const port = 9;
const intervalMs = 50;

/** `198.19.0.`, `198.19.1.`, and how many from 1 on. */
const [from = "", to = "", count = "0"] = process.argv.slice(2);

for (let number = 1; number <= Number(count); number += 1) {
  const socket = createSocket("udp4");
  // Before a tunnel is there, no route is either.
  socket.on("error", () => {});
  const knock = () => socket.send("knock", port, `${to}${number}`, () => {});
  socket.bind(0, `${from}${number}`, () => setInterval(knock, intervalMs));
}
process.stdin.resume().on("end", () => process.exit());

// The limit above every call: Fastify with a handler that does nothing. Reads the body as a string, as a service that must check a
// signature has to, and answers with a JSON object of the same size as the real one, given as the one argument.
import Fastify from "fastify";

const reply: unknown = JSON.parse(process.argv[2] ?? "{}");
const app = Fastify({ logger: false });
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
app.post("/v2/index.php", async (request, response) => {
  if (typeof request.body !== "string") throw new Error("a body is expected");
  response.header("content-type", "application/json");
  return response.send(JSON.stringify(reply));
});
const endpoint = await app.listen({ host: "127.0.0.1", port: 0 });
process.stderr.write(`listening at ${endpoint}\n`);
process.on("disconnect", () => process.exit());

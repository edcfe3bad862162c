// The program: which parts run is the role's, and each role wires its own in roles/.
import { runCommandLine } from "./cli/command-line.ts";
import { startGatewayHost } from "./roles/gateway-host.ts";
import { startServer } from "./roles/server.ts";

await runCommandLine(process.argv, (config) =>
  config.role === "host" ? startGatewayHost(config) : startServer(config),
);

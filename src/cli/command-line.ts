// The command line: its commands, options and help. What a command does is in its own file.
import { Argument, Command, Option } from "commander";
import {
  type Config,
  ConfigError,
  environmentName,
  readConfig,
  readEnvironment,
  type SettingName,
  settings,
  unknownVariables,
} from "../config.ts";
import { DataplaneError } from "../dataplane/dataplane.ts";
import { StoreError } from "../store/errors.ts";
import { backUpCommand } from "./backup.ts";
import { runCall } from "./call.ts";
import { runDoctorCommand } from "./doctor.ts";
import { exitCodes } from "./exit-codes.ts";
import { runExplain } from "./explain.ts";
import {
  createHostCommand,
  drainHostCommand,
  listHostsCommand,
  parseCapacity,
  parseHostName,
  parseLabel,
  removeHostCommand,
  replaceHostTokenCommand,
  setHostStateCommand,
} from "./host.ts";
import { importCommand } from "./import.ts";
import { createKeyCommand, disableKeyCommand, listKeysCommand } from "./key.ts";
import { labDownCommand, labStatusCommand, labUpCommand } from "./lab.ts";
import { migrateCommand } from "./migrate.ts";
import { runServe, type StartServer } from "./serve.ts";
import { teardownCommand } from "./teardown.ts";

type Options = Readonly<Partial<Record<SettingName | "config" | "json", string | boolean>>>;

/** The config of a command: its options, the environment, the file, the defaults. */
export function configOf(options: Options): Config {
  const given = Object.keys(settings).map((name) => {
    const value = options[name as SettingName];
    return [name, typeof value === "string" ? value : undefined];
  });
  const file = typeof options.config === "string" ? options.config : undefined;
  return readConfig({ options: Object.fromEntries(given), env: readEnvironment(), file });
}

/** @param about what a setting that serves several commands means for this one */
function setting(name: SettingName, placeholder: string, about: string = settings[name].about): Option {
  const { fallback } = settings[name];
  const shown = fallback === "" ? "" : ` (default: ${fallback})`;
  return new Option(`--${dashed(name)} <${placeholder}>`, `${about}${shown}`);
}

/** `keyFile` -> `key-file`. */
function dashed(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, "$1-$2").toLowerCase();
}

/** An option that is no setting of the server: only the environment has it too. */
function ownOption(flags: string, name: string, about: string): Option {
  return new Option(flags, about).env(environmentName(name));
}

const jsonOption = (about: string) => ownOption("--json", "json", about);

function withStore(command: Command): Command {
  return command
    .addOption(setting("data", "directory"))
    .addOption(setting("database", "URL"))
    .addOption(setting("databasePasswordFile", "file"))
    .option("--config <file>", "JSON file of settings");
}

/** Of a command that calls the API. */
function withClient(command: Command): Command {
  return command
    .addOption(setting("endpoint", "URL"))
    .addOption(setting("keyFile", "file"))
    .addOption(setting("caFile", "file"))
    .addOption(setting("region", "region", "region to call in"))
    .addOption(setting("data", "directory", "data directory of the server, for its admin.key.json"))
    .option("--config <file>", "JSON file of settings");
}

/** Builds the commands; nothing runs until they are parsed. */
export function buildCommandLine(startServer: StartServer): Command {
  const program = new Command("culvert").description("Self-hosted site-to-site VPN behind the QCloud VPC API");
  program
    .showHelpAfterError("(--help shows the options)")
    .configureOutput({ outputError: (text, write) => write(text) })
    // Commander's own code for what it does not understand is 1, which here says that a call was refused.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitCodes.unusable))
    .hook("preAction", () => warnOfVariables(program))
    .addHelpText("after", firstSteps);
  withStore(program.command("serve").description("run the API and the VPN gateways, in one process or in several"))
    .addOption(setting("role", "role"))
    .addOption(setting("apiEndpoints", "URLs"))
    .addOption(setting("hostTokenFile", "file"))
    .addOption(
      setting("caFile", "file", "file of the certificates that a gateway host trusts, instead of Node.js's own"),
    )
    .addOption(setting("listen", "address:port"))
    .addOption(setting("dataplane", "kind"))
    .addHelpText("after", serveHelp)
    .action((options) => runServe(configOf(options), startServer));

  const key = program
    .command("key")
    .description("keys of the API: made, listed and disabled in the database, server or not")
    .addHelpText("after", keyHelp);
  withStore(key.command("create").description("make a key pair; the secret is shown this once"))
    .addOption(ownOption("--account <name>", "account", "account that the key belongs to").default("default"))
    .addOption(ownOption("--read-only", "readOnly", "the key may not change anything, and sees no pre-shared key"))
    .addOption(jsonOption("one JSON object"))
    .action((options) => createKeyCommand(configOf(options), options));
  withStore(key.command("list").description("list the keys, without their secrets"))
    .addOption(jsonOption("one JSON array"))
    .action((options) => listKeysCommand(configOf(options), options));
  withStore(
    key.command("disable <SecretId>").description("disable a key; a running server sees it within a second"),
  ).action((secretId, options) => disableKeyCommand(configOf(options), secretId));

  const host = program
    .command("host")
    .description("gateway hosts: made, listed, emptied and removed in the database, servers or not")
    .addHelpText("after", hostHelp);
  /** A command about one host. */
  const hostCommand = (verb: string, about: string) =>
    withStore(host.command(verb).description(about).addArgument(new Argument("<NAME>").argParser(parseHostName)));
  hostCommand("create", "make a gateway host; the token that it joins with is shown this once")
    .addOption(
      new Option("--label <key=value>", "region and account bind it; once for each label").argParser(parseLabel),
    )
    .addOption(
      new Option("--capacity <number>", "how many gateways it may run; 0: all").argParser(parseCapacity).default(0),
    )
    .addOption(jsonOption("one JSON object"))
    .action((name, options) => createHostCommand(configOf(options), name, options));
  withStore(host.command("list").description("list the gateway hosts, without their tokens"))
    .addOption(jsonOption("one JSON array"))
    .action((options) => listHostsCommand(configOf(options), options));
  hostCommand("cordon", "have a host keep its gateways and take no more").action((name, options) =>
    setHostStateCommand(configOf(options), name, "cordoned"),
  );
  hostCommand("uncordon", "have a host take gateways again").action((name, options) =>
    setHostStateCommand(configOf(options), name, "ready"),
  );
  hostCommand("drain", "move a host's gateways to others, one after the other, and wait until it is empty")
    .option("--no-wait", "do not wait")
    .action((name, options) => drainHostCommand(configOf(options), name, options));
  hostCommand("token", "give a host a new token, which is shown this once; the old one is void")
    .addOption(jsonOption("one JSON object"))
    .action((name, options) => replaceHostTokenCommand(configOf(options), name, options));
  hostCommand("remove", "remove a host that holds no gateway").action((name, options) =>
    removeHostCommand(configOf(options), name),
  );

  withStore(program.command("migrate").description("bring the database up to date, as every start of a server does"))
    .addOption(jsonOption("one JSON object"))
    .action((options) => migrateCommand(configOf(options), options));

  withStore(
    program.command("backup <file>").description("copy the database into a file, beside a running server"),
  ).action((file, options) => backUpCommand(configOf(options), file));
  program
    .command("import")
    .description("copy everything from one database into another one, with the servers stopped")
    .requiredOption("--from <URL>", "database to copy: sqlite:PATH or postgres://user@host/name")
    .requiredOption("--to <URL>", "database to copy into: empty, or with a part of the copy")
    .option("--from-password-file <file>", "file of the password of the one")
    .option("--to-password-file <file>", "file of the password of the other")
    .addHelpText("after", importHelp)
    .action((options) => importCommand(options));

  const call = program.command("call <Action> [parameters...]");
  withClient(call.description("send one signed call: name=value, name=@FILE, or name=- for standard input"))
    .addOption(jsonOption("the reply as one line of JSON"))
    .addHelpText("after", callHelp)
    .action((action, parameters, options) => runCall(action, parameters, configOf(options), options));

  const channel = program.command("channel").description("VPN channels, asked about through the API");
  const explain = channel.command("explain <ID>");
  withClient(explain.description("tell why a VPN channel is not up, and what to change at which end"))
    .addOption(jsonOption("one JSON object"))
    .addHelpText("after", explainHelp)
    .action((id, options) => runExplain(id, configOf(options), options));

  const lab = program
    .command("lab")
    .description("the two-site lab in network namespaces, beside a server of this machine")
    .addHelpText("after", labHelp);
  withStore(lab.command("up").description("make a remote site with a strongSwan of its own, and a host in a VPC"))
    .addOption(ownOption("--vpc <ID>", "vpc", "VPC that gets a host: its unified id"))
    .action((options) => labUpCommand(configOf(options), options));
  withStore(lab.command("down").description("remove what `lab up` made")).action((options) =>
    labDownCommand(configOf(options)),
  );
  withStore(lab.command("status").description("what is there of the lab"))
    .addOption(jsonOption("one JSON object"))
    .action((options) => labStatusCommand(configOf(options), options));

  withStore(
    program.command("doctor").description("tell whether this machine is able to run Culvert, and what to do if not"),
  )
    .addOption(setting("listen", "address:port"))
    .addOption(setting("dataplane", "kind"))
    .addOption(jsonOption("one JSON object"))
    .action((options) => runDoctorCommand(configOf(options), options));

  withStore(
    program
      .command("teardown")
      .description(
        "take every gateway and the lab off this machine; the next start of the server builds the gateways again",
      ),
  ).action((options) => teardownCommand(configOf(options)));
  return program;
}

/** Says which variables mean nothing, by name: what they hold may be a secret. */
function warnOfVariables(program: Command): void {
  for (const name of unknownVariables(readEnvironment(), variablesOf(program))) {
    process.stderr.write(`culvert: warning: ${name} is not a setting and has no effect\n`);
  }
}

/** The variables of options that are no settings. */
function variablesOf(command: Command): string[] {
  const own = command.options.flatMap(({ envVar }) => envVar ?? []);
  return [...own, ...command.commands.flatMap(variablesOf)];
}

const firstSteps = `
First steps, without root:
  culvert serve --dataplane simulated          (in one terminal; makes ./var and a first key in it)
  culvert call CreateVpc vpcName=office cidrBlock=10.0.0.0/16        (in another, in the same directory)

culvert <command> --help shows a command's options. README.md has the settings, docs/guide/api.md every call.`;

const serveHelp = `
The first start makes what is missing: the data directory, a key of the API (admin.key.json) and a certificate. Tunnels need root and
strongSwan (see culvert doctor); --dataplane simulated needs neither. Ctrl-C stops the server, and tunnels stay up.

With --role api this is the API alone, and with --role host a gateway host alone, which asks the API over HTTPS (--api-endpoints), is known
by its token (--host-token-file, from culvert host create) and has no database.

Every setting can also stand in the environment (--listen is CULVERT_LISTEN) and in the file that --config names. Settings without an
option here, such as quotas and the pool of public addresses, are in README.md.`;

const callHelp = `
Parameters are the action's own; the common ones and the signature are added. A list is name.0, name.1, …; a field of an object is
name.field. A pre-shared key is taken from a file or standard input only, so that no process list shows it.

Exit codes: 0 the reply's code is 0; 1 it is another; 2 there was no reply.

Examples:
  culvert call CreateVpc vpcName=office cidrBlock=10.0.0.0/16
  culvert call DescribeVpnConn vpcId=vpc-amhnnao5 limit=50 --json | jq -r '.data[].netStatus'
  culvert call AddVpnConnEx vpcId=vpc-amhnnao5 vpnGwId=vpngw-dystbrkv userGwId=cgw-e098slul \\
    userGwCidrBlock.0=10.56.20.1/24 IKESet.dhGroupName=group14 preSharedKey=@key.txt
  openssl rand -hex 16 | culvert call ModifyVpnConnEx vpcId=1 vpnGwId=1 vpnConnId=1 preSharedKey=-
  culvert call ModifyVpnConnEx vpcId=1 vpnGwId=1 vpnConnId=1 'spdAcl={"10.0.1.0/24":["10.56.20.0/24"]}'
  culvert call DescribeVpcEx --endpoint https://vpn.example.org:8443 --key-file key.json --ca-file cert.pem`;

const explainHelp = `
ID is the channel's unified id (vpnx-…) or its number. The channel may be of any gateway of the account and region.

Exit codes: 0 the channel is up; 1 it is not, or something is wrong with it; 2 it could not be asked about.

Examples:
  culvert channel explain vpnx-ol6bcqp0
  culvert channel explain 1 --json | jq -r .diagnosis.cause`;

const keyHelp = `
A new server has a key already, in admin.key.json of its data directory. More for others:
  (umask 077; culvert key create --json >key.json)       (a key file for culvert call --key-file)
  culvert key create --read-only --account default       (sees everything but pre-shared keys, and changes nothing)
Every account has VPCs, gateways and channels of its own.`;

const hostHelp = `
A host that is joined renews its leases; one that stops to is "joined" until its leases are over. Labels other than region=R and
account=NAME are for people.

Exit codes: 0 done; 1 refused, or there is no such host; 2 it could not be asked for.

Examples:
  (umask 077; culvert host create vpn1.example.org --json | jq -r .token >host.token)
  culvert host create vpn2.example.org --label region=gz --capacity 50
  culvert host drain vpn1.example.org && culvert host remove vpn1.example.org`;

const labHelp = `
With a server that carries tunnels, as root:
  culvert lab up --vpc vpc-amhnnao5        (a remote site at 198.51.100.100, and a host in the VPC)
  culvert lab status                       (ends with the command of a ping through the tunnel)
  culvert lab down
docs/guide/lab.md has the whole of it.`;

const importHelp = `
Accounts, keys, resources with their ids, tasks, traffic: row by row, and every row is read back. One that was cut off goes on when it is
called again. Secrets stay sealed: the server of the target needs the master.key of the source in its data directory.

  culvert import --from sqlite:var/culvert.db --to postgres://culvert@db.example.org/culvert --to-password-file db.password`;

/** Parses the command line and runs what it asks for; the process's exit code says how it went. */
export async function runCommandLine(argv: readonly string[], startServer: StartServer): Promise<void> {
  try {
    await buildCommandLine(startServer).parseAsync([...argv]);
  } catch (error) {
    const isOurs = error instanceof ConfigError || error instanceof StoreError || error instanceof DataplaneError;
    // What the system refuses, a disk without space for one, it says in its own words.
    const isExpected = isOurs || (error instanceof Error && "syscall" in error);
    const text = error instanceof Error && !isExpected && error.stack !== undefined ? error.stack : String(error);
    process.stderr.write(`culvert: ${isExpected ? (error as Error).message : text}\n`);
    process.exitCode = exitCodes.unusable;
  }
}

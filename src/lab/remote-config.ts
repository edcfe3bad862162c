// The two files of the remote site's gateway, written as the administrator of that site would: it knows the public address range of
// its VPN provider and a pre-shared key, and nothing else. Pure.
import { swanctlSecret } from "../peer-config/swanctl-text.ts";
import type { Secret } from "../vpn/secret.ts";

/** What the administrator of the remote site knows. */
export interface RemoteSite {
  readonly remoteAddress: string;
  readonly siteNetwork: string;
  /** Where the provider's gateways are: `198.51.100.0/24`. */
  readonly publicNetwork: string;
}

/**
 * strongswan.conf, for charon and for swanctl alike, so that a plain `swanctl --list-sas` in the namespace finds its charon.
 * ESP in userspace comes first of the kernel plugins: it needs nothing of the kernel but a TUN.
 */
export function strongswanConf(dir: string): string {
  return `# Gateway of the remote site.

charon {
  load_modular = no
  load = random nonce openssl kernel-libipsec kernel-netlink socket-default vici updown
  install_virtual_ip = no

  # Ask again soon: the line is short.
  retransmit_timeout = 0.5
  retransmit_tries = 5

  plugins {
    vici {
      socket = "unix://${dir}/charon.vici"
    }
  }
  filelog {
    remote {
      path = "${dir}/charon.log"
      time_format = %Y-%m-%dT%H:%M:%S
      flush_line = yes
      append = no
      default = 1
      # A line for every packet would fill the disk in the long run.
      enc = 0
      net = 0
    }
  }
}

charon-systemd {
  journal {
    default = -1
  }
}

swanctl {
  load = random openssl
  socket = "unix://${dir}/charon.vici"
}
`;
}

const ciphers = "aes256-aes192-aes128-3des-des";
const groups = "modp2048-modp2048s256-modp1536-modp1024-modp768";
const anyIke = `${ciphers}-sha1-md5-${groups}`;
const anyEsp = `${ciphers}-null-sha1-md5`;

/** swanctl.conf: https://docs.strongswan.org/docs/5.9/swanctl/swanctlConf.html */
export function swanctlConf({ remoteAddress, siteNetwork, publicNetwork }: RemoteSite, preSharedKey: Secret): string {
  return `# Remote site: gateway ${remoteAddress}, with ${siteNetwork} behind it.
# The other end is a VPN gateway of our cloud provider. It calls, we answer.

connections {
  cloud {
    version = 1
    aggressive = no
    local_addrs = ${remoteAddress}
    # We were not told which address our gateway will get, only the provider's range.
    remote_addrs = ${publicNetwork}

    # The first is what the provider's form fills in. The next two are better and can be chosen there; the last takes
    # whatever else the form has.
    proposals = 3des-md5-modp768, aes256-sha1-modp2048, aes128-sha1-modp1024, ${anyIke}

    # 24 h at most. The provider renews at 70 % of that and we at 90 %, so that both never do it at the same moment.
    rekey_time = 77760
    over_time = 8640
    rand_time = 3600

    # Is the other end still there? Asked only while nothing comes from it.
    dpd_delay = 30
    dpd_timeout = 120

    local {
      auth = psk
      id = ${remoteAddress}
    }
    remote {
      auth = psk
      id = %any
    }

    children {
      site {
        local_ts = ${siteNetwork}
        # The private network in the cloud, wherever it is. The other end says which part it means.
        remote_ts = 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16
        # As above, without and with PFS.
        esp_proposals = 3des-md5, aes256-sha1, aes128-sha1, ${anyEsp}, ${anyEsp}-${groups}
        # 1 h, renewed at 90 % for the same reason.
        life_time = 3600
        rekey_time = 3240
        rand_time = 180
        start_action = none
        dpd_action = clear
      }
    }
  }
}

secrets {
  ike-cloud {
    secret = ${swanctlSecret(preSharedKey.reveal())}
  }
}
`;
}

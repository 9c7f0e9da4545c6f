package discovery

import (
	"net/netip"
	"os"
	"strings"
)

// lookInHosts returns the addresses that a hosts file has for a name, as the C library
// looks there before it asks DNS; none where there is no such file.
func lookInHosts(file, name string) []netip.Addr {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return parseHosts(string(content), name)
}

// parseHosts reads a hosts file: lines of an address and its names, with comments.
func parseHosts(content, name string) []netip.Addr {
	name = strings.TrimSuffix(name, ".")
	var addresses []netip.Addr
	for line := range strings.Lines(content) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		address, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, field := range fields[1:] {
			if strings.EqualFold(strings.TrimSuffix(field, "."), name) {
				addresses = append(addresses, address.Unmap())
				break
			}
		}
	}
	return addresses
}

package pgnode

import (
	"os"

	"github.com/jackc/pgservicefile"
)

// inForce returns the value of a parameter: that of the connection string, of the
// service, or of the variable of libpq, in this order. The driver does not tell.
func (s settings) inForce(name, variable string) (string, bool) {
	if value, ok := s[name]; ok {
		return value, true
	}
	if value, ok := s.service()[name]; ok {
		return value, true
	}
	value := os.Getenv(variable)
	return value, value != ""
}

// service returns what the service file has, nothing where it cannot be read: the driver
// has read it by then, and would have said so.
func (s settings) service() map[string]string {
	find := func(name, variable string) string {
		if value, ok := s[name]; ok {
			return value
		}
		return os.Getenv(variable)
	}
	name, path := find("service", "PGSERVICE"), find("servicefile", "PGSERVICEFILE")
	if name == "" {
		return nil
	}
	if path == "" {
		home, _ := os.UserHomeDir()
		path = inDirectory(home, ".pg_service.conf")
	}
	file, err := pgservicefile.ReadServicefile(path)
	if err != nil {
		return nil
	}
	found, err := file.GetService(name)
	if err != nil {
		return nil
	}
	return found.Settings
}

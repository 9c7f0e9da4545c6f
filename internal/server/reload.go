package server

import (
	"net/http"
)

// reloadPath has the configuration read again.
const reloadPath = "/-/reload"

// serveReload reads the configuration again, and says what is wrong with it.
func serveReload(reload func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if reload == nil {
			http.Error(w, "There is nothing to reload, or it is not allowed: start the exporter with --config.file and --web.enable-lifecycle.",
				http.StatusForbidden)
			return
		}
		if err := reload(); err != nil {
			http.Error(w, "Nothing was changed: "+err.Error(), http.StatusInternalServerError)
			return
		}
		writeText(w, "Reloaded.\n")
	}
}

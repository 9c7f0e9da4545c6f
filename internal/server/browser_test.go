//go:build unix

package server

import (
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/browser"
)

// pictures is where pictures of the pages are put; "" for nowhere.
var pictures = flag.String("pictures", "", "directory for pictures of the status pages")

func TestLooks(t *testing.T) {
	b, err := browser.Start(t.Context())
	must(t, err)
	defer func() { must(t, b.Close()) }()
	for name, s := range situations() {
		c, _ := in("orders", s, time.Now())
		look(t, b, name, fakeClusters{c})
	}
	look(t, b, "hundred", hundred(time.Now()))
}

func look(t *testing.T, b *browser.Browser, name string, clusters fakeClusters) {
	handler, err := routes(Config{Clusters: clusters, MetricsPath: "/metrics"}, new(atomic.Bool))
	must(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	for kind, view := range map[string]browser.View{
		"1366": {Width: 1366, Height: 768}, "1366-dark": {Width: 1366, Height: 768, Dark: true},
		"phone": {Width: 390, Height: 844}, "phone-dark": {Width: 390, Height: 844, Dark: true}, "1920": {Width: 1920, Height: 1080},
	} {
		page, err := b.Open(view, server.URL)
		must(t, err)
		if *pictures != "" {
			png, err := page.Picture()
			must(t, err)
			must(t, os.WriteFile(filepath.Join(*pictures, strings.ReplaceAll(name, " ", "-")+"-"+kind+".png"), png, 0o600))
		}
		if said := page.Complaints(); len(said) > 0 {
			t.Errorf("%s: %q", name, said)
		}
		page.Close()
	}
}

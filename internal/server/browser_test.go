//go:build unix

package server

import (
	_ "embed"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/go-kit/log"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/fleet"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/browser"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// pictures is where pictures of the status pages are put, in all sizes, to be looked at; "" for nowhere.
var pictures = flag.String("pictures", "", "directory for pictures of the status pages")

// views are how pages are looked at.
var views = map[string]browser.View{
	"1366": {Width: 1366, Height: 768}, "phone-dark": {Width: 390, Height: 844, Dark: true},
	"1366-dark": {Width: 1366, Height: 768, Dark: true}, "phone": {Width: 390, Height: 844}, "1920": {Width: 1920, Height: 1080},
}

// TestInABrowser looks at the pages as people do. All of it shares one browser.
func TestInABrowser(t *testing.T) {
	b, err := browser.Start(t.Context())
	must(t, err)
	defer func() { must(t, b.Close()) }()
	t.Run("situations", func(t *testing.T) { testSituations(t, b) })
	t.Run("following", func(t *testing.T) { testFollowing(t, b) })
	t.Run("filtering", func(t *testing.T) { testFiltering(t, b) })
	t.Run("keyboard", func(t *testing.T) { testKeyboard(t, b) })
	t.Run("without JavaScript", func(t *testing.T) { testBare(t, b) })
	t.Run("a real pair", func(t *testing.T) { testRealPair(t, b) })
}

// served serves clusters.
func served(t *testing.T, clusters Clusters) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handle(t, Config{Clusters: clusters, MetricsPath: "/metrics"}))
	t.Cleanup(server.Close)
	return server
}

func open(t *testing.T, b *browser.Browser, view browser.View, url string) *browser.Page {
	t.Helper()
	page, err := b.Open(view, url)
	must(t, err)
	t.Cleanup(page.Close)
	return page
}

// heard are values that have to be in the accessibility tree of a situation's page.
var heard = map[string][]string{
	"healthy": {"All well", "Last 100 beats: 96 synced, 4 late, 0 unknown; the slowest was shown after 340 ms", "button Probe now"},
	"paused": {
		"Replica b is 16 s behind: paused", "SELECT pg_wal_replay_resume() on the replica resumes it.", "Lagging", "Primary value", "1099", "Replica value",
		"1083", "Primary LSN", "1/4F026B78", "Replica LSN", "1/4D01B978", "Lag bytes", "33\u202f600\u202f000 B", "link Runbook", "17.6",
	},
	"cut":           {"Replica c does not answer", "Replica b is 26 s behind: receiving.", "timeout"},
	"no primary":    {"No primary", "The last write was acknowledged", "16 not acknowledged"},
	"two primaries": {"Two primaries: a and c", "12 acknowledged canary commits"},
	"commits wait":  {"Commits wait for a synchronous standby"},
	"delayed":       {"All well; replica c is 59 min behind on purpose: delayed"},
	"lost":          {"3 acknowledged canary commits were lost just now", "a took over from c as primary, on timeline 3"},
	"doubtful":      {"Replica b shows what was written, perhaps too late"},
	"old":           {"Nobody has looked for 6 min: then it was «All well»", "That is old: is Prometheus down"},
	"never":         {"Not probed yet", "Have Prometheus scrape it"},
	"nobody":        {"No nodes are known yet"},
	"long names":    {longName("far"), longName("primary")},
	"pulse":         {", by the pulse. The nodes were looked at closely"},
	"hundred":       {"7 of 100 clusters need somebody now", "shop-024", "Two primaries: a and c", "86 well", longName("cluster")},
}

// onPhones are the situations that are looked at on a phone, too.
var onPhones = []string{"healthy", "cut", "two primaries", "hundred", "long names", "old"}

// testSituations looks at a page in each of them.
func testSituations(t *testing.T, b *browser.Browser) {
	for name := range heard {
		clusters := hundred(time.Now())
		if s, ok := situations()[name]; ok {
			c, _ := in("orders", s, time.Now()) // It is not to be old when it is looked at.
			clusters = fakeClusters{c}
		}
		server := served(t, clusters)
		for how, view := range views {
			usual := how == "1366" || how == "phone-dark" && slices.Contains(onPhones, name)
			if !usual && *pictures == "" {
				continue
			}
			t.Run(name+" "+how, func(t *testing.T) { look(t, b, view, server.URL, heard[name]) })
		}
	}
}

// look opens a page, which has nothing to complain of, asks nobody else, fits, can be read, and has what is to be heard.
func look(t *testing.T, b *browser.Browser, view browser.View, url string, heard []string) {
	page := open(t, b, view, url)
	takePicture(t, page, strings.NewReplacer("TestInABrowser/situations/", "", "_", "-").Replace(t.Name()))
	text, err := page.Heard()
	must(t, err)
	for _, want := range heard {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not to be heard:\n%s", want, text)
		}
	}
	pale, err := browser.Evaluate[[]string](page, paleText)
	must(t, err)
	wide, err := browser.Evaluate[[]string](page, tooWide)
	must(t, err)
	if len(heard) == 0 || len(pale) > 0 || len(wide) > 0 {
		t.Errorf("too pale to be read: %q; wider than the screen: %q", pale, wide)
	}
	unmoved(t, page, url)
}

// takePicture keeps a picture of the page, where they are wanted.
func takePicture(t *testing.T, page *browser.Page, name string) {
	t.Helper()
	if *pictures == "" {
		return
	}
	png, err := page.Picture()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(*pictures, name+".png"), png, 0o600))
}

// unmoved: the page has complained of nothing, and has asked nobody else.
func unmoved(t *testing.T, page *browser.Page, url string) {
	t.Helper()
	if said := page.Complaints(); len(said) > 0 {
		t.Errorf("the page complains: %q", said)
	}
	for _, asked := range page.Requests() {
		if !strings.HasPrefix(asked, url) {
			t.Errorf("the page asks for %s", asked)
		}
	}
}

// paleText are the texts of which colour and ground do not have the contrast that WCAG's level AA asks for, and tooWide what
// reaches beyond the screen.
var (
	//go:embed testdata/pale.js
	paleText string
	//go:embed testdata/wide.js
	tooWide string
)

// testFollowing: the page shows by itself what is new, and says so when nobody answers any more.
func testFollowing(t *testing.T, b *browser.Browser) {
	s := situations()["healthy"]
	s.gap = time.Hour
	c, played := in("orders", s, time.Now())
	server := served(t, fakeClusters{c})
	page := open(t, b, views["1366"], server.URL)
	shows := func(text string) {
		t.Helper()
		if err := page.Await(fmt.Sprintf(`document.querySelector(".said p")?.textContent === %q`, text)); err != nil {
			t.Fatalf("the page does not come to show %q: %v", text, err)
		}
	}
	shows("All well")
	must(t, page.Await(`Number.parseInt(document.querySelector(".seen time").textContent) > Number(document.querySelector(".seen time").dataset.age) + 1`))
	must(t, page.Await(`(document.querySelector(".said").kept = true)`))
	played.shows(seen(time.Now().Add(-30*time.Second), 1999, played.names))
	must(t, page.Await(`Number.parseInt(document.querySelector(".seen time").textContent) >= 30 && document.querySelector(".said").kept`))
	r := seen(time.Now(), 2000, played.names)
	behind(r, 1, 16*time.Second, "paused")
	played.shows(r)
	shows("Replica b is 16 s behind: paused")
	must(t, page.Await(`document.title.includes("paused") && document.querySelector(".banner").classList.contains("warning")`))
	unmoved(t, page, server.URL)
	server.CloseClientConnections()
	server.Close()
	must(t, page.Await(`!document.getElementById("lost").hidden`))
}

// testFiltering: what is typed selects, what follows keeps it, and the address has it too.
func testFiltering(t *testing.T, b *browser.Browser) {
	server := served(t, hundred(time.Now()))
	page := open(t, b, views["1366"], server.URL)
	must(t, page.Do(chromedp.SendKeys(chromedp.CSS("input[name=q]"), "no prim")))
	must(t, page.Await(`document.querySelectorAll("tbody tr").length === 2 && location.search === "?q=no+prim"`))
	must(t, page.Await(`document.activeElement.name === "q"`))
	must(t, page.Do(chromedp.SendKeys(chromedp.CSS("input[name=q]"), strings.Repeat("\b", len("no prim"))), chromedp.Click(chromedp.CSS("input[name=trouble]"))))
	must(t, page.Await(`document.querySelectorAll("tbody tr").length === 13`))
	_, err := page.Follow(chromedp.Click(chromedp.CSS("tbody a")))
	must(t, err)
	must(t, page.Await(`document.querySelector(".said p")?.textContent === "Two primaries: a and c"`))
	unmoved(t, page, server.URL)
}

// testKeyboard: everything can be reached and done without a mouse, and what follows keeps the place.
func testKeyboard(t *testing.T, b *browser.Browser) {
	s := situations()["paused"]
	s.gap = time.Hour
	c, played := in("orders", s, time.Now())
	server := served(t, fakeClusters{c})
	page := open(t, b, views["1366"], server.URL)
	focused := false
	for range 20 {
		must(t, page.Do(chromedp.KeyEvent("\t")))
		outline, err := browser.Evaluate[string](page, `document.activeElement.id + "|" + getComputedStyle(document.activeElement).outlineStyle`)
		must(t, err)
		if !strings.HasSuffix(outline, "|solid") {
			t.Fatalf("what has the focus does not show it: %s", outline)
		}
		if focused = outline == "probe|solid"; focused {
			break
		}
	}
	if !focused {
		t.Fatal("the button cannot be reached")
	}
	played.shows(seen(time.Now(), 2000, played.names))
	must(t, page.Await(`document.querySelector(".said p").textContent === "All well" && document.activeElement.id === "probe"`))
	_, err := page.Follow(chromedp.KeyEvent("\r"))
	must(t, err)
	must(t, page.Await(`document.querySelector(".seen")?.textContent.includes("by hand")`))
	unmoved(t, page, server.URL)
}

// testBare: without JavaScript a page has the same, its button and its filter.
func testBare(t *testing.T, b *browser.Browser) {
	server := served(t, hundred(time.Now()))
	page := open(t, b, browser.View{Width: 1366, Height: 768, Bare: true}, server.URL+"/clusters/shop-052")
	_, err := page.Follow(chromedp.Click(chromedp.CSS("#probe")))
	must(t, err)
	text, err := page.Heard()
	must(t, err)
	if !strings.Contains(text, "All well") || !strings.Contains(text, "by hand") {
		t.Errorf("after the button was pressed the page has\n%s", text)
	}
	list := open(t, b, browser.View{Width: 1366, Height: 768, Bare: true}, server.URL)
	must(t, list.Do(chromedp.SendKeys(chromedp.CSS("input[name=q]"), "standby")))
	_, err = list.Follow(chromedp.Click(chromedp.CSS(".filter button")))
	must(t, err)
	text, err = list.Heard()
	must(t, err)
	if !strings.Contains(text, "shop-031") || strings.Contains(text, "shop-000") {
		t.Errorf("the filtered list has\n%s", text)
	}
}

// testRealPair: what the page shows of real servers, and what they do about its button.
func testRealPair(t *testing.T, b *browser.Browser) {
	servers, err := rig.New(t.Context(), rig.Options{})
	must(t, err)
	defer func() { must(t, servers.Close()) }()
	settings := config.Defaults()
	cluster := config.Cluster{Name: "default", Settings: settings}
	for i, dsn := range servers.DSNs() {
		cluster.Nodes = append(cluster.Nodes, config.Node{Name: []string{"db1", "db2"}[i], DSN: dsn})
	}
	f := fleet.New(func(string) log.Logger { return log.NewNopLogger() })
	defer func() { must(t, f.Close(t.Context())) }()
	_, err = f.Apply(&config.Config{Clusters: []config.Cluster{cluster}})
	must(t, err)
	server := served(t, Running(f))
	page := open(t, b, views["1366"], server.URL)
	must(t, page.Await(`document.querySelector(".said p").textContent === "Not probed yet"`))
	pressUntil := func(text string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; {
			_, err := page.Follow(chromedp.Click(chromedp.CSS("#probe")))
			must(t, err)
			said, err := browser.Evaluate[string](page, `document.querySelector(".said p")?.textContent ?? ""`)
			must(t, err)
			if strings.Contains(said, text) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the page says %q, not %q", said, text)
			}
		}
	}
	pressUntil("All well")
	text, err := page.Heard()
	must(t, err)
	for _, want := range []string{"db1", "db2", "Synced", "opened", "primary", "replica"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not to be heard:\n%s", want, text)
		}
	}
	must(t, servers.Replica.Exec(t.Context(), "SELECT pg_wal_replay_pause()"))
	pressUntil("behind: paused")
	takePicture(t, page, "real-pair-paused")
	must(t, servers.Replica.Exec(t.Context(), "SELECT pg_wal_replay_resume()"))
	pressUntil("All well")
	unmoved(t, page, server.URL)
}

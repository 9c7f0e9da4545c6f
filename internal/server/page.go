package server

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/version"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/status"
)

// assets are the pages' templates, and what they load.
//
//go:embed assets
var assets embed.FS

// pages shows what is known of the clusters. Looking asks no server for anything.
type pages struct {
	clusters  Clusters
	readOnly  bool
	metrics   string // the path, without the slash in front
	templates *template.Template
	assetsTag string
	began     time.Time
}

func newPages(c Config) (*pages, error) {
	p := &pages{
		clusters: c.Clusters, readOnly: c.ReadOnly, metrics: strings.TrimPrefix(c.MetricsPath, "/"),
		assetsTag: hashOfAssets(), began: time.Now(),
	}
	var err error
	p.templates, err = template.New("").Funcs(pageFuncs).ParseFS(assets, "assets/*.html")
	if err != nil {
		return nil, fmt.Errorf("the templates of the status pages: %w", err)
	}
	return p, nil
}

// view is what a page is made of.
type view struct {
	// Base leads from the page's path to the exporter's root, so that a proxy may add a prefix.
	Base, Title, Tag, AssetsTag, Version, Documentation string
	// Metrics, JSON and Probe are paths below the root.
	Metrics, JSON, Probe string
	// Every is how often the page looks for something new, in seconds.
	Every    int
	ReadOnly bool
	// Many says whether there is a list of clusters.
	Many   bool
	Filter status.Filter
	Page   status.Page
	List   status.List
}

// How often a page follows, in seconds.
const (
	everyCluster = 2
	everyList    = 5
)

// serveRoot answers with the list of the clusters or, where there is one alone, with that one's page.
func (p *pages) serveRoot(w http.ResponseWriter, r *http.Request) {
	all := p.clusters.All()
	if len(all) == 1 {
		p.serveOne(w, r, all[0], "")
		return
	}
	now := time.Now()
	known := make([]status.Cluster, len(all))
	for i, c := range all {
		known[i] = c.known(now)
	}
	if p.unchanged(w, r, known) {
		return
	}
	query := r.URL.Query()
	v := p.view("", everyList)
	v.Filter = status.Filter{Text: query.Get("q"), Trouble: query.Has("trouble")}
	v.List = status.NewList(known, v.Filter)
	v.JSON, v.Title = "api/v1/clusters", v.List.Headline.Text+" · pg_canary"
	p.render(w, "list", v)
}

// serveCluster answers with the page of the cluster that the path names.
func (p *pages) serveCluster(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	cluster, ok := p.clusters.Find(name)
	if !ok {
		http.Error(w, noCluster(p.clusters, name), http.StatusNotFound)
		return
	}
	p.serveOne(w, r, cluster, "../")
}

func (p *pages) serveOne(w http.ResponseWriter, r *http.Request, c Cluster, base string) {
	known := c.known(time.Now())
	known.Events = c.Collector.Events()
	if p.unchanged(w, r, []status.Cluster{known}) {
		return
	}
	beats, marks := c.Collector.Marks()
	v := p.view(base, everyCluster)
	v.Page, v.Many = status.NewPage(&known, beats, marks), base != "" && len(p.clusters.All()) > 1
	v.JSON, v.Probe = "api/v1/clusters/"+url.PathEscape(c.Name), "clusters/"+url.PathEscape(c.Name)+"/probe"
	v.Title = c.Name + ": " + v.Page.Headline.Text + " · pg_canary"
	p.render(w, "cluster", v)
}

// known is what is known of the cluster at a moment. Of what happened that is what there is to say of a cluster in a list.
func (c Cluster) known(now time.Time) status.Cluster {
	return status.Cluster{Name: c.Name, Known: c.Collector.Known(), Events: c.Collector.EventsOf(collector.EventLost), Now: now}
}

func (p *pages) view(base string, every int) *view {
	return &view{
		Base: base, Every: every, AssetsTag: p.assetsTag, Version: version.Version, Documentation: documentation,
		Metrics: p.metrics, ReadOnly: p.readOnly,
	}
}

// unchanged answers 304 where a client has seen the same state of the clusters already. How long ago something was it tells
// by itself.
func (p *pages) unchanged(w http.ResponseWriter, r *http.Request, clusters []status.Cluster) bool {
	sum := fnv.New64a()
	_, _ = fmt.Fprintln(sum, p.began.UnixNano(), p.assetsTag, r.URL.RequestURI()) // It takes whatever is written.
	for i := range clusters {
		c := &clusters[i]
		_, _ = fmt.Fprintln(sum, c.Name, c.Known.Version, c.Known.Nodes, c.Old())
	}
	tag := `W/"` + hex.EncodeToString(sum.Sum(nil)) + `"`
	w.Header().Set("ETag", tag)
	securePage(w.Header())
	if r.Header.Get("If-None-Match") != tag {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// render answers with a page, which securePage has prepared the header of.
func (p *pages) render(w http.ResponseWriter, name string, v *view) {
	v.Tag = w.Header().Get("ETag")
	var page bytes.Buffer
	if err := p.templates.ExecuteTemplate(&page, name, v); err != nil {
		http.Error(w, "The page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.Copy(w, &page) // The server ignores that a client is gone.
}

// securePage forbids the page everything but its own assets, and others to show it in a frame.
func securePage(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
}

// noCluster says that there is no such cluster, and which may be meant.
func noCluster(clusters Clusters, asked string) string {
	var names []string
	for _, c := range clusters.All() {
		names = append(names, c.Name)
	}
	text := fmt.Sprintf("There is no cluster %.100q. ", asked)
	if near := config.Nearest(asked, names); len(near) > 0 {
		return text + "Is it " + strings.Join(near[:min(len(near), mostSuggested)], ", or ") + "?"
	}
	return text + "The page / has those that there are."
}

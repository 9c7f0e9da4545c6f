package discovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// patroniCluster is an answer to GET /cluster, of Patroni 2.0 to 4.1.
type patroniCluster struct {
	scope      string // the cluster's name in Patroni; told since 3.2, else ""
	members    []patroniMember
	paused     bool
	switchover *Switchover
	skipped    []string
}

// patroniMember is a member with its place.
type patroniMember struct {
	node Node
	url  string // where it tells of its cluster; "" where Patroni does not say
}

// patroniTags are the labels: the tags that have a meaning for Patroni, not those that
// users make up.
var patroniTags = []string{
	"nofailover", "failover_priority", "noloadbalance", "nosync", "sync_priority", "clonefrom", "replicatefrom", "nostream",
}

// parseCluster reads an answer. What it needs of a member is its name and its host; a
// member that has not both is skipped, and said. An answer without any member is an error:
// the DCS is new, or Patroni has not found itself in it yet.
func parseCluster(body []byte) (patroniCluster, error) {
	var document struct {
		Scope      any               `json:"scope"`
		Members    []json.RawMessage `json:"members"`
		Pause      any               `json:"pause"`
		Switchover json.RawMessage   `json:"scheduled_switchover"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return patroniCluster{}, fmt.Errorf("the answer is no cluster in JSON: %w", err)
	}
	if err := checkCount(len(document.Members)); err != nil {
		return patroniCluster{}, fmt.Errorf("the answer %w", err)
	}
	cluster := patroniCluster{paused: document.Pause == true}
	cluster.scope, _ = document.Scope.(string)
	names, places := map[string]bool{}, map[place]string{}
	for i, text := range document.Members {
		member, err := parseMember(text)
		at := place{member.node.Host, member.node.Port}
		switch {
		case err != nil:
			cluster.skip("member %d of the answer %s", i+1, err.Error())
		case names[member.node.Name]:
			cluster.skip("member %d of the answer has the name %q, as one before it", i+1, member.node.Name)
		case places[at] != "":
			cluster.skip("member %d of the answer (%q) has the address of %q, %s:%d", i+1, member.node.Name, places[at], at.host, at.port)
		default:
			names[member.node.Name], places[at] = true, member.node.Name
			cluster.members = append(cluster.members, member)
		}
	}
	if len(cluster.members) == 0 {
		return patroniCluster{}, errors.New(strings.Join(append([]string{"the answer names no member that can be used"}, cluster.skipped...), "; "))
	}
	var err error
	if cluster.switchover, err = parseSwitchover(document.Switchover); err != nil {
		cluster.skip("the scheduled switchover %s", err.Error())
	}
	return cluster, nil
}

func (c *patroniCluster) skip(format string, args ...any) {
	c.skipped = append(c.skipped, fmt.Sprintf(format, args...))
}

// longestName is that of a host name; Patroni takes one for its member by default.
const longestName = 253

// parseMember reads one member. The error goes on after "member N of the answer".
func parseMember(text json.RawMessage) (patroniMember, error) {
	var document struct {
		Name  string `json:"name"`
		Host  string `json:"host"`
		Port  *int   `json:"port"`
		Role  any    `json:"role"`
		State any    `json:"state"`
		URL   any    `json:"api_url"`
		Tags  any    `json:"tags"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return patroniMember{}, fmt.Errorf("cannot be read: %w", err)
	}
	if document.Name == "" || len(document.Name) > longestName {
		return patroniMember{}, fmt.Errorf("has no name of 1 to %d bytes", longestName)
	}
	node := Node{Name: document.Name, Host: document.Host, Port: defaultPort, Labels: tagLabels(document.Tags)}
	if document.Port != nil {
		node.Port = *document.Port
	}
	if err := checkPlace(node.Host, node.Port); err != nil {
		return patroniMember{}, fmt.Errorf("(%q) %w", node.Name, err)
	}
	node.Role, node.State = word(document.Role), word(document.State)
	node.Leader = leads(node.Role)
	member := patroniMember{node: node}
	if address, isText := document.URL.(string); isText {
		member.url, _ = clusterURL(address) // Without one it is only not asked itself.
	}
	return member, nil
}

// leads tells whether a member of this role takes writes, as far as Patroni knows. A
// standby cluster's leader follows another cluster, and takes none.
func leads(role string) bool {
	return role == "leader" || role == "master" || role == "primary"
}

// longestWord bounds what is only shown to people.
const longestWord = 100

// word returns a text of the answer that is only shown; "" for what is none.
func word(value any) string {
	text, _ := value.(string)
	return strings.ToValidUTF8(text[:min(len(text), longestWord)], "")
}

// tagLabels returns Patroni's own tags that are set. One that says false is as one that
// is not there: Patroni itself tells neither of most.
func tagLabels(value any) map[string]string {
	tags, _ := value.(map[string]any)
	var labels map[string]string
	for _, name := range patroniTags {
		var text string
		switch value := tags[name].(type) {
		case bool:
			if value {
				text = "true"
			}
		case float64:
			text = fmt.Sprint(value)
		case string:
			text = word(value)
		}
		if text == "" {
			continue
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[name] = text
	}
	return labels
}

// parseSwitchover reads the scheduled switchover; nil where there is none.
func parseSwitchover(text json.RawMessage) (*Switchover, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	var document struct {
		At   string `json:"at"`
		From any    `json:"from"`
		To   any    `json:"to"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	at, err := time.Parse(time.RFC3339, document.At)
	if err != nil {
		return nil, fmt.Errorf("has the time %.100q, which is not of the form 2006-01-02T15:04:05+00:00", document.At)
	}
	return &Switchover{From: word(document.From), To: word(document.To), At: at.UTC()}, nil
}

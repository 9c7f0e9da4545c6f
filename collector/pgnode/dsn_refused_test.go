package pgnode

import (
	"strings"
	"testing"
)

// marked is a password that must be in no output.
const marked = "hunter2MARK"

// refusedStrings are what operators write that is no connection string, with the
// password where they have it, and words of the answer.
var refusedStrings = map[string]struct{ dsn, want string }{
	"empty":                        {" ", "is empty"},
	"neither URL nor pairs":        {marked, "neither a postgres:// URL nor keyword=value pairs"},
	"space in the password":        {"host=db password=a " + marked + " user=x", "neither"},
	"open quote":                   {"host=db password='" + marked, "neither"},
	"quote within quotes":          {"host=db password='it's" + marked + "' user=x", "neither"},
	"backslash at the end":         {"host=db password=" + marked + `\`, "ends in a backslash"},
	"slash in the password":        {"postgres://canary:x/" + marked + "@db:5432/app", "percent-encoded"},
	"digits and a slash":           {"postgres://canary:12/" + marked + "@db:5432/app", "more than one @, or one after the host"},
	"slash and a question mark":    {"postgres://canary:12/?options=" + marked + "@db/app", "after the host"},
	"at sign in the password":      {"postgres://canary:x@" + marked + "@db:5432/app", "more than one @"},
	"percent in the password":      {"postgres://canary:%zz" + marked + "@db/app", "percent-encoded"},
	"encoded NUL":                  {"postgres://canary:" + marked + "%00@db/app", "not a valid URL"},
	"encoded colon":                {"postgres://canary%3A" + marked + "@db/app", "separate user and password by a plain :"},
	"encoded at sign":              {"postgres://canary:" + marked + "%40db/app", "lacks the @"},
	"space in a URL":               {"postgres://canary:a " + marked + "@db/app", "a space %20"},
	"line break in a URL":          {"postgres://canary:a\n" + marked + "@db/app", "a line break"},
	"URL and pairs":                {"postgres://db/app user=canary password=" + marked, "has a space"},
	"URL and a semicolon":          {"postgres://db/app;password=" + marked, "not by ';'"},
	"URL and & for ?":              {"postgres://db/app&password=" + marked, "not by '&'"},
	"semicolon for the colon":      {"postgres://canary;" + marked + "@db/app", "separate user and password by a plain :"},
	"comma for the colon":          {"postgres://canary," + marked + "@db/app", "separate user and password by a plain :"},
	"slash for the colon":          {"postgres://canary/" + marked + "@db/app", "after the host"},
	"unencoded & in a parameter":   {"postgres://db/app?password=a&" + marked, "is not name=value"},
	"unencoded = in a parameter":   {"postgres://db/app?password=a=" + marked, "is not name=value"},
	"capital parameter":            {"postgres://db/app?Password=" + marked, "write password"},
	"parameter nobody knows":       {"postgres://db/app?" + marked + "=1", "parameter number 1 after the ? is not a parameter of libpq"},
	"brackets around a name":       {"postgres://canary:" + marked + "@[db]:5432/app", "not an IPv6 address"},
	"port out of range":            {"postgres://canary:" + marked + "@db:99999/app", "a port is not a number"},
	"port that is no number":       {"host=db port=many password=" + marked, "a port is not a number"},
	"password for the port":        {"postgres://canary@db:" + marked + "/app", "a port is not a number"},
	"at sign in a parameter":       {"postgres://db:5432?password=x@" + marked, "a parameter before its @"},
	"at sign behind a semicolon":   {"postgres://:;sslpassword=@" + marked, "a parameter before its @"},
	"no host":                      {"postgres://canary:" + marked + "/app", "lacks the @"},
	"unknown sslmode":              {"postgres://canary:" + marked + "@db/app?sslmode=perhaps", "sslmode is not one of"},
	"pair in sslmode":              {"postgres://db/app?sslmode=disable;password=" + marked, "is not name=value"},
	"unknown sslnegotiation":       {"host=db sslnegotiation=dirct password=" + marked, "sslnegotiation is not one of"},
	"unreadable certificate":       {"postgres://canary:" + marked + "@db/app?sslmode=verify-full&sslrootcert=/does/not/exist", "the file of sslrootcert cannot be read"},
	"certificate without its key":  {"host=db sslcert=/dev/null password=" + marked, "sslcert and sslkey go together"},
	"service that is nowhere":      {"service=nowhere servicefile=/dev/null password=" + marked, "service"},
	"strange require_auth":         {"host=db require_auth=luck password=" + marked, "require_auth"},
	"a NUL byte":                   {"postgres://canary:" + marked + "\x00@db/app", "NUL byte"},
	"double quotes around":         {`"postgres://canary:` + marked + `@db/app"`, "remove the quotes"},
	"single quotes around":         {`'postgres://canary:` + marked + `@db/app'`, "remove the quotes"},
	"quotes around, and a space":   {` "host=db password=` + marked + `"`, "remove the quotes"},
	"smart quotes around":          {"“postgres://canary:" + marked + "@db/app”", "remove the quotes"},
	"quote at the end":             {`postgres://canary:` + marked + `@db/app"`, "begins or ends with a quote"},
	"backquotes around":            {"`host=db password=" + marked + "`", "remove the quotes"},
	"double quotes in a pair":      {`host=db password="` + marked + `"`, "only '…' quotes a value"},
	"smart quotes in a pair":       {"host=db password=‘" + marked + "’", "only '…' quotes a value"},
	"quote around the keyword":     {`'host'='db' 'password'='` + marked + `'`, "quote"},
	"pgsql":                        {"pgsql://canary:" + marked + "@db/app", "a scheme other than postgres"},
	"jdbc":                         {"jdbc:postgresql://db/app?user=canary&password=" + marked, "a scheme other than postgres"},
	"http":                         {"http://canary:" + marked + "@db/app", "a scheme other than postgres"},
	"SQLAlchemy":                   {"postgresql+psycopg2://canary:" + marked + "@db/app", "a scheme other than postgres"},
	"capitals":                     {"POSTGRES://canary:" + marked + "@db/app", "in lower case"},
	"one slash":                    {"postgres:/canary:" + marked + "@db/app", "begins with postgres://"},
	"no slash":                     {"postgres:canary:" + marked + "@db/app", "begins with postgres://"},
	"no colon":                     {"postgres//canary:" + marked + "@db/app", "begins with postgres://"},
	"no scheme":                    {"canary:" + marked + "@db/app", "lacks the scheme"},
	"no scheme, with a parameter":  {"canary:" + marked + "@db/app?sslmode=disable", "lacks the scheme"},
	"slashes alone":                {"//canary:" + marked + "@db/app", "lacks the scheme"},
	"semicolons":                   {"host=db;password=" + marked, "not by ';'"},
	"semicolons and capitals":      {"Host=db;Username=canary;Password=" + marked, "semicolons"},
	"ADO":                          {"Server=db;Port=5432;User Id=canary;Password=" + marked + ";", "semicolons"},
	"commas":                       {"host=db,user=canary,password=" + marked, "not by ','"},
	"ampersands":                   {"host=db&password=" + marked, "not by '&'"},
	"semicolons after a space":     {"host=db user=canary;password=" + marked, "not by ';'"},
	"no-break spaces":              {"host=db\u00a0password=" + marked, "runs into the next pair"},
	"no-break spaces, and a user":  {"user=canary\u00a0" + marked, "no-break space"},
	"nothing between":              {"host=db user=canarypassword=" + marked, "runs into the next pair"},
	"an empty value":               {"host=db user= password=" + marked, "runs into the next pair"},
	"an empty application name":    {"host=db application_name= password=" + marked, "runs into the next pair"},
	"an empty file name":           {"host=db sslrootcert= password=" + marked, "runs into the next pair"},
	"options without quotes":       {"host=db options=-c\\ a=b;password=" + marked, "not by ';'"},
	"colons":                       {"host: db password: " + marked, "keyword: value"},
	"colons and an equals sign":    {"host: db\npassword: x=" + marked, "keyword: value"},
	"JSON":                         {`{"host": "db", "password": "` + marked + `"}`, "keyword: value"},
	"a list":                       {"- postgres://canary:" + marked + "@db/app", "begins with a dash"},
	"export":                       {"export PGHOST=db PGPASSWORD=" + marked, "assignment of a variable"},
	"libpq's variables":            {"PGHOST=db PGPASSWORD=" + marked, "assignment of a variable"},
	"the variable's name":          {"PG_CANARY_PRIMARY_DSN=postgres://canary:" + marked + "@db/app", "assignment of a variable"},
	"another variable's name":      {"DATABASE_URL=postgres://canary:" + marked + "@db/app", "assignment of a variable"},
	"the flag's name":              {"--primary.dsn=postgres://canary:" + marked + "@db/app", "begins with a dash"},
	"psql":                         {"psql host=db password=" + marked, "a command"},
	"a variable that stayed":       {"${DSN:-postgres://canary:" + marked + "@db/app}", "was not replaced"},
	"a comment":                    {"# postgres://canary:" + marked + "@db/app", "comments are not supported"},
	"two URLs and a comma":         {"postgres://canary:x@a/app,postgres://canary:" + marked + "@b/app", "a second ://"},
	"two URLs and a line break":    {"postgres://canary:x@a/app\npostgres://canary:" + marked + "@b/app", "a second ://"},
	"pairs on two lines":           {"host=a password=x\nhost=b password=" + marked, "gives host twice"},
	"pairs and a comma":            {"host=a password=x,host=b password=" + marked, "gives password twice"},
	"URL as a value":               {"host=postgres://canary:" + marked + "@db/app", "is itself a connection string"},
	"URL as the database":          {"host=db dbname=postgres://canary:" + marked + "@db/app", "is itself a connection string"},
	"password and user":            {"host=db user=canary:" + marked, "separate user and password"},
	"Oracle's user":                {"host=db user=canary/" + marked, "separate user and password"},
	"keyword in capitals":          {"host=db PASSWORD=" + marked, "write password"},
	"keyword of another driver":    {"host=db pwd=" + marked, "write password"},
	"keyword that nobody knows":    {"host=db " + marked + "=x", "keyword number 2 of the connection string is not a parameter of libpq"},
	"host and port":                {"host=db:5432 password=" + marked, "the port has a keyword of its own"},
	"quotes around a host":         {`host='"db"' password=` + marked, "quotes"},
	"a host with a space":          {"host='db " + marked + "' user=canary", "characters that no host has"},
	"a host that is no host":       {"host=db|" + marked, "characters that no host has"},
	"a socket directory, glued":    {"host=/tmp;" + marked, "semicolon"},
	"hostaddr":                     {"host=db hostaddr=10.0.0.1 password=" + marked, "the parameter hostaddr is not supported: give the address as host"},
	"sslcrl":                       {"postgres://canary:" + marked + "@db/app?sslcrl=/x", "the parameter sslcrl is not supported"},
	"requirepeer":                  {"host=db requirepeer=postgres password=" + marked, "the parameter requirepeer is not supported"},
	"gssencmode=require":           {"host=db gssencmode=require password=" + marked, "the parameter gssencmode is not supported"},
	"load_balance_hosts=random":    {"host=a,b load_balance_hosts=random password=" + marked, "the parameter load_balance_hosts is not supported"},
	"a newer TLS":                  {"host=db ssl_min_protocol_version=TLSv1.3 password=" + marked, "the parameter ssl_min_protocol_version is not supported"},
	"a SCRAM key":                  {"host=db scram_client_key=" + marked, "the parameter scram_client_key is not supported"},
	"an OAuth secret":              {"host=db oauth_client_secret=" + marked, "the parameter oauth_client_secret is not supported"},
	"replication":                  {"host=db replication=database password=" + marked, "the parameter replication is not supported"},
	"synchronous_commit":           {"host=db synchronous_commit=off password=" + marked, "use --probe.synchronous-commit"},
	"ssl that says two things":     {"postgres://canary:" + marked + "@db/app?ssl=true&sslmode=disable", "contradict"},
	"ssl=false":                    {"postgres://canary:" + marked + "@db/app?ssl=false", "write sslmode=disable"},
	"a setting of the server's":    {"host=db work_mem=4MB password=" + marked, "keyword number 2"},
	"something like base64 of one": {"aG9zdD1kYiBwYXNzd29yZD0=" + marked, "not a parameter of libpq"},
}

func TestNewRefusesWithoutQuoting(t *testing.T) {
	for name, test := range refusedStrings {
		t.Run(name, func(t *testing.T) {
			_, err := New(test.dsn, Options{})
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
			if strings.Contains(err.Error(), marked) {
				t.Errorf("error %q gives the password away", err)
			}
		})
	}
}

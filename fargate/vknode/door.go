package vknode

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/webhook"
	"k8s.io/client-go/kubernetes"
)

// DoorConfig says who is let in at the kubelet port. The zero value is the
// kubelet's: the API server is asked whom a bearer token belongs to
// (TokenReview) and whether that user may do it (SubjectAccessReview). There
// is no value that lets everyone in.
type DoorConfig struct {
	// ClientCAFile holds the authorities whose client certificates are
	// believed, read again when it changes; "": no certificate is. The user is
	// the certificate's common name, the groups are its organizations.
	ClientCAFile string
	// ClientCA is the same as PEM, for where ClientCAFile is not given; nil: none.
	ClientCA []byte
	// NoTokens is to believe no bearer token. A client CA is needed then.
	NoTokens bool
	// TokenTTL, AllowTTL and DenyTTL are how long the API server's answers are
	// kept: who bears a token, who may, who may not. 0: the kubelet's 2 min,
	// 5 min and 30 s; less than 0: not at all.
	TokenTTL, AllowTTL, DenyTTL time.Duration
}

// The kubelet's: kubernetes, pkg/kubelet/apis/config/v1beta1/defaults.go.
const (
	defaultTokenTTL = 2 * time.Minute
	defaultAllowTTL = 5 * time.Minute
	defaultDenyTTL  = 30 * time.Second
)

// bodyLimit is how long the body of a request may take: there is nothing to read in any.
const bodyLimit = 10 * time.Second

func (c DoorConfig) check() error {
	if c.NoTokens && c.ClientCAFile == "" && c.ClientCA == nil {
		return errors.New("kubelet port: nobody could get in: bearer tokens are not to be believed, and no client CA is given")
	}
	return nil
}

// door is what each request to the kubelet port passes before anything else,
// the look for a route included.
type door struct {
	authenticator authenticator.Request
	authorizer    authorizer.Authorizer
	certificates  bool                                      // of clients are believed
	clientCA      *dynamiccertificates.DynamicFileCAContent // nil: not of a file
	node          string
	log           *slog.Logger
	// unknown and undecided keep who knocks often from filling the log.
	unknown, undecided rate.Sometimes
}

// newDoor errs if the client CA cannot be read. It calls nobody yet.
func newDoor(cfg Config, reviews kubernetes.Interface) (*door, error) {
	d := &door{
		node: cfg.Node.Name, log: cfg.Log,
		unknown: rate.Sometimes{Interval: time.Minute}, undecided: rate.Sometimes{Interval: time.Minute},
	}
	known := authenticatorfactory.DelegatingAuthenticatorConfig{
		CacheTTL:                 cmp.Or(cfg.Door.TokenTTL, defaultTokenTTL),
		TokenAccessReviewTimeout: 10 * time.Second,
		WebhookRetryBackoff:      webhook.DefaultRetryBackoff(),
	}
	if !cfg.Door.NoTokens {
		known.TokenAccessReviewClient = reviews.AuthenticationV1()
	}
	d.certificates = cfg.Door.ClientCAFile != "" || cfg.Door.ClientCA != nil
	var err error
	switch file := cfg.Door.ClientCAFile; {
	case file != "":
		if d.clientCA, err = dynamiccertificates.NewDynamicCAContentFromFile("client-ca", file); err != nil {
			return nil, fmt.Errorf("kubelet port: client CA: %w", err)
		}
		known.ClientCertificateCAContentProvider = d.clientCA
	case cfg.Door.ClientCA != nil:
		if known.ClientCertificateCAContentProvider, err = dynamiccertificates.NewStaticCAContent("client-ca", cfg.Door.ClientCA); err != nil {
			return nil, fmt.Errorf("kubelet port: client CA: %w", err)
		}
	}
	if d.authenticator, _, err = known.New(); err != nil {
		return nil, fmt.Errorf("kubelet port: %w", err)
	}
	allowed := authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: reviews.AuthorizationV1(),
		AllowCacheTTL:             cmp.Or(cfg.Door.AllowTTL, defaultAllowTTL),
		DenyCacheTTL:              cmp.Or(cfg.Door.DenyTTL, defaultDenyTTL),
		WebhookRetryBackoff:       webhook.DefaultRetryBackoff(),
	}
	if d.authorizer, err = allowed.New(); err != nil {
		return nil, fmt.Errorf("kubelet port: %w", err)
	}
	return d, nil
}

// run keeps the client CA up to date until ctx ends.
func (d *door) run(ctx context.Context) error {
	if d.clientCA == nil {
		<-ctx.Done()
		return nil
	}
	d.clientCA.Run(ctx, 1)
	return nil
}

// guard lets only those through to next who are known, which is else 401, and
// who may, which is else 403; 500 is for what the API server cannot decide.
func (d *door) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// The server reads a body to its end before it answers; a stranger's need never come to one.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyLimit))
		}
		known, ok, err := d.authenticator.AuthenticateRequest(r)
		if err != nil {
			d.unknown.Do(func() { d.log.Warn("the kubelet port cannot tell who asks", "from", r.RemoteAddr, "error", err) })
		}
		if err != nil || !ok {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		allowed, refusal, err := d.allowed(r.Context(), rights(known.User, d.node, r))
		if err != nil {
			d.undecided.Do(func() { d.log.Warn("the kubelet port cannot tell who may", "user", known.User.GetName(), "error", err) })
			http.Error(w, "Authorization error "+refusal, http.StatusInternalServerError)
			return
		}
		if !allowed {
			http.Error(w, "Forbidden "+refusal, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// allowed asks for one right after the other, and is content with any. The
// refusal is the kubelet's wording of who was refused what.
func (d *door) allowed(ctx context.Context, anyOf []authorizer.Attributes) (ok bool, refusal string, err error) {
	var asked []string
	for _, right := range anyOf {
		asked = append(asked, right.GetSubresource())
		decision, _, err := d.authorizer.Authorize(ctx, right)
		if err != nil {
			return false, fmt.Sprintf("(user=%s, verb=%s, resource=%s, subresource=%s)",
				right.GetUser().GetName(), right.GetVerb(), right.GetResource(), right.GetSubresource()), err
		}
		if decision == authorizer.DecisionAllow {
			return true, "", nil
		}
	}
	first := anyOf[0] // the others differ by sub-resource alone
	return false, fmt.Sprintf("(user=%s, verb=%s, resource=%s, subresource(s)=%v)",
		first.GetUser().GetName(), first.GetVerb(), first.GetResource(), asked), nil
}

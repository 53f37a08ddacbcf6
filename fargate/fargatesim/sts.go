package fargatesim

import (
	"encoding/xml"
	"net/http"
	"net/url"
)

var stsOperations = map[string]operation{"GetCallerIdentity": (*Server).getCallerIdentity}

// callerARN is who calls unless IAM says otherwise: the role of an instance profile.
func callerARN(account string) string {
	return "arn:aws:sts::" + account + ":assumed-role/virtual-kubelet/i-0123456789abcdef0"
}

type stsMetadata struct {
	RequestID string `xml:"RequestId"`
}

type callerIdentity struct {
	XMLName  xml.Name    `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	ARN      string      `xml:"GetCallerIdentityResult>Arn"`
	UserID   string      `xml:"GetCallerIdentityResult>UserId"`
	Account  string      `xml:"GetCallerIdentityResult>Account"`
	Metadata stsMetadata `xml:"ResponseMetadata"`
}

// getCallerIdentity needs no permission (API reference).
func (s *Server) getCallerIdentity(c call) ([]byte, error) {
	if err := onlyKnown(c.body); err != nil {
		return nil, err
	}
	return xml.Marshal(callerIdentity{
		ARN: c.caller.arn, UserID: "AROAEXAMPLEEXAMPLEEXA:i-0123456789abcdef0", Account: s.config.Account,
		Metadata: stsMetadata{requestID()},
	})
}

// onlyKnown refuses parameters of the Query protocol that the operation does not have.
func onlyKnown(body []byte, known ...string) error {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return newError("MalformedQueryString", "%v", err)
	}
	for name := range form {
		if name != "Action" && name != "Version" && !matchesAny(name, known) {
			return newError("UnknownParameter", "The parameter %s is not recognized", name)
		}
	}
	return nil
}

type stsError struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

var stsCodes = map[string]Error{
	"ThrottlingException":   {Code: "Throttling"},
	"AccessDeniedException": {Code: "AccessDenied", Status: http.StatusForbidden},
	"ServerException":       {Code: "InternalFailure", Status: http.StatusInternalServerError},

	"UnrecognizedClientException": {Code: "InvalidClientTokenId", Status: http.StatusForbidden},
	"ExpiredTokenException":       {Code: "ExpiredToken", Status: http.StatusForbidden},
}

// sts is the error as the Query protocol writes it.
func (e *Error) sts() (status int, body []byte) {
	e = e.as(stsCodes)
	text, _ := xml.Marshal(stsError{Type: "Sender", Code: e.Code, Message: e.Message, RequestID: requestID()})
	return e.status(), text
}

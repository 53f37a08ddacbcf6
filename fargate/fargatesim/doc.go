// Package fargatesim is a local AWS Fargate: what net/http/httptest is to HTTP.
//
// A Server is an http.Handler that speaks the wire protocols of Amazon ECS, EC2 (network interfaces, subnets,
// security groups), CloudWatch Logs, Secrets Manager and STS on one endpoint, so that any AWS client works against it unchanged
// through AWS_ENDPOINT_URL:
//
//	sim := fargatesim.New(fargatesim.Config{})
//	go sim.Run(ctx)                   // tasks live while Run runs
//	web := httptest.NewServer(sim)    // or, without a socket: aws.Config{HTTPClient: sim.Client()}
//
// It is a witness: independent of the provider it judges, and stricter than AWS. Its rule: what AWS documents as an
// error is that error here, and what it does not know (an operation, a member, a value) it refuses instead of
// ignoring it. Shapes, enumerations and member names come from the AWS SDK, which AWS generates from its API model;
// nothing comes from the provider.
//
// The Server owns the states, the order and the clocks of tasks; a Runtime runs their containers. Scripted, the
// default, runs thousands of them as scripts. Time is the plain time package, so that a test in a
// testing/synctest bubble owns the clock.
//
// Config.IAM lets it evaluate identity policies per caller, and those of the roles that tasks have. The folder oracle
// holds its traffic against AWS's own API model.
//
// It never verifies signatures, never leaves the machine, and keeps nothing on disk.
package fargatesim

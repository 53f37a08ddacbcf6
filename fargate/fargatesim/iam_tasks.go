package fargatesim

import "slices"

// assume checks, before a task gets anything, that its roles trust ECS. The error is the stopped reason of the task
// (developer guide: stopped task errors). The caller holds mu.
func (s *Server) assume(t *task) *Error {
	for _, role := range []*string{t.executionRole(), t.taskRole()} {
		if role != nil && !s.canAssume(t, *role, "ecs-tasks.amazonaws.com") {
			return newError("ClientException", "ECS was unable to assume the role '%s' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.", s.roleARN(*role))
		}
	}
	return nil
}

func (t *task) executionRole() *string {
	return or(deref(t.Overrides).ExecutionRoleArn, t.definition.ExecutionRoleArn)
}

func (t *task) taskRole() *string {
	return or(deref(t.Overrides).TaskRoleArn, t.definition.TaskRoleArn)
}

// canAssume reports whether a role of the account trusts a service of ECS's.
func (s *Server) canAssume(t *task, role, service string) bool {
	if s.iam == nil {
		return true
	}
	name := lastPart(role)
	if s.roleARN(role) != s.roleARN(name) || s.iam.roles[name] == nil {
		return false
	}
	a := access{action: "sts:AssumeRole", resource: "*", keys: map[string][]string{
		"aws:SourceAccount": {s.config.Account}, "aws:SourceArn": {*t.TaskArn}}}
	trusting := slices.DeleteFunc(slices.Clone(s.iam.trust[name]), func(st statement) bool {
		return !slices.Contains(st.Principal["Service"], service)
	})
	return evaluate([]policy{trusting}, a.asOf("", s.config)) == allowed
}

// mayInTask authorizes what the agent does for a task, as its execution role. The caller holds mu.
func (s *Server) mayInTask(t *task, a access) error {
	if s.iam == nil {
		return nil
	}
	name := lastPart(deref(t.executionRole()))
	role := s.iam.roles[name] // there: what needs an execution role cannot be registered without, and the task has assumed it
	session := "arn:aws:sts::" + s.config.Account + ":assumed-role/" + name + "/" + lastPart(*t.TaskArn)
	return s.authorize(&principal{session, role.policies, role.asked}, a)
}

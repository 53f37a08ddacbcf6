package fargatesim

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// accesses are what a request asks of IAM, by the service authorization reference: the resource of each action and its
// condition keys. Operations that are not listed have no resources: policies can allow them on * only.
func (s *Server) accesses(c call, in any) []access {
	do := access{action: c.name + ":" + c.operation, resource: "*"}
	switch in := in.(type) {
	case *ecs.CreateClusterInput:
		return append([]access{do.with(requestTags(plainTags(ecsTag, in.Tags)))},
			tagOnCreate(s.arn("ecs", "cluster/"+or(deref(in.ClusterName), "default")), c.operation, in.Tags)...)
	case *ecs.DescribeClustersInput:
		return do.each(in.Clusters, s.clusterARN)
	case *ecs.DeleteClusterInput:
		return do.each([]string{*in.Cluster}, s.clusterARN)
	case *ecs.RegisterTaskDefinitionInput:
		return s.registering(do, in)
	case *ecs.DeleteTaskDefinitionsInput:
		return do.each(in.TaskDefinitions, s.definitionARN)
	case *ecs.RunTaskInput:
		return s.running(do, in)
	case *ecs.StopTaskInput:
		return s.onTasks(do, in.Cluster, *in.Task)
	case *ecs.DescribeTasksInput:
		return s.onTasks(do, in.Cluster, in.Tasks...)
	case *ecs.ListTasksInput: // its resource type is the container instance
		cluster := s.clusterARN(deref(in.Cluster))
		do.resource = s.arn("ecs", "container-instance/"+lastPart(cluster)+"/*")
		return []access{do.with(map[string][]string{"ecs:cluster": {cluster}})}
	case *ecs.TagResourceInput:
		return []access{do.on(*in.ResourceArn).with(requestTags(plainTags(ecsTag, in.Tags))).with(s.resourceTags(*in.ResourceArn))}
	case *ecs.UntagResourceInput:
		return []access{do.on(*in.ResourceArn).with(map[string][]string{"aws:TagKeys": in.TagKeys}).with(s.resourceTags(*in.ResourceArn))}
	case *ecs.ListTagsForResourceInput:
		return []access{do.on(*in.ResourceArn).with(s.resourceTags(*in.ResourceArn))}
	}
	if c.name == "logs" {
		return s.onLogs(do, in)
	}
	if c.name == "secretsmanager" {
		return s.onSecrets(do, in)
	}
	return []access{do}
}

func (a access) on(resource string) access { a.resource = resource; return a }

// with adds condition keys.
func (a access) with(keys map[string][]string) access {
	all := map[string][]string{}
	for _, some := range []map[string][]string{a.keys, keys} {
		for key, values := range some {
			all[key] = values
		}
	}
	a.keys = all
	return a
}

// each is the same access to several resources.
func (a access) each(names []string, arn func(string) string) []access {
	if len(names) == 0 {
		names = []string{""}
	}
	var all []access
	for _, name := range names {
		all = append(all, a.on(arn(name)))
	}
	return all
}

func (s *Server) clusterARN(nameOrARN string) string {
	if strings.HasPrefix(nameOrARN, "arn:") {
		return nameOrARN
	}
	return s.arn("ecs", "cluster/"+or(nameOrARN, "default"))
}

// definitionARN is the ARN of the revision that a name means.
func (s *Server) definitionARN(name string) string {
	if d := s.definition(name); d != nil {
		return *d.TaskDefinitionArn
	}
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return s.arn("ecs", "task-definition/"+name)
}

// registering also needs to pass on the roles and to tag, where the definition has any.
func (s *Server) registering(do access, in *ecs.RegisterTaskDefinitionInput) []access {
	arn := s.arn("ecs", "task-definition/"+*in.Family+":*")
	all := []access{do.on(arn).with(requestTags(plainTags(ecsTag, in.Tags)))}
	all = append(all, tagOnCreate(arn, "RegisterTaskDefinition", in.Tags)...)
	return append(all, s.passing(in.TaskRoleArn, in.ExecutionRoleArn)...)
}

// running also needs to pass on the roles that the task will have, and to tag.
func (s *Server) running(do access, in *ecs.RunTaskInput) []access {
	cluster, arn := s.clusterARN(deref(in.Cluster)), s.definitionARN(*in.TaskDefinition)
	tags, o := in.Tags, deref(in.Overrides)
	taskRole, executionRole := o.TaskRoleArn, o.ExecutionRoleArn
	if d := s.definition(*in.TaskDefinition); d != nil {
		taskRole, executionRole = or(taskRole, d.TaskRoleArn), or(executionRole, d.ExecutionRoleArn)
		if in.PropagateTags == ecstypes.PropagateTagsTaskDefinition {
			tags = mergeTags(ecsTag, d.tags, tags)
		}
	}
	all := []access{do.on(arn).with(requestTags(plainTags(ecsTag, in.Tags))).with(s.resourceTags(arn)).with(map[string][]string{
		"ecs:cluster": {cluster}, "ecs:enable-execute-command": {strconv.FormatBool(in.EnableExecuteCommand)}})}
	all = append(all, tagOnCreate(s.arn("ecs", "task/"+lastPart(cluster)+"/*"), "RunTask", tags)...)
	return append(all, s.passing(taskRole, executionRole)...)
}

// tagOnCreate is the right to tag what is being made (developer guide: grant permission to tag resources on creation).
func tagOnCreate(arn, operation string, tags []ecstypes.Tag) []access {
	if len(tags) == 0 {
		return nil
	}
	a := access{action: "ecs:TagResource", resource: arn}
	return []access{a.with(requestTags(plainTags(ecsTag, tags))).with(map[string][]string{"ecs:CreateAction": {operation}})}
}

// passing is the right to hand roles to tasks.
func (s *Server) passing(roles ...*string) []access {
	var all []access
	for _, role := range roles {
		if role != nil {
			all = append(all, access{action: "iam:PassRole", resource: s.roleARN(*role),
				keys: map[string][]string{"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}})
		}
	}
	return all
}

func (s *Server) onTasks(do access, cluster *string, names ...string) []access {
	arn := s.clusterARN(deref(cluster))
	do = do.with(map[string][]string{"ecs:cluster": {arn}})
	var all []access
	for _, name := range names {
		if !strings.HasPrefix(name, "arn:") {
			name = s.arn("ecs", "task/"+lastPart(arn)+"/"+name)
		}
		all = append(all, do.on(name).with(s.resourceTags(name)))
	}
	return all
}

func requestTags(tags []tag) map[string][]string {
	keys := map[string][]string{}
	for _, t := range tags {
		keys["aws:RequestTag/"+t.key] = []string{t.value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.key)
	}
	return keys
}

func (s *Server) resourceTags(arn string) map[string][]string {
	keys := map[string][]string{}
	if tags, err := s.tagsOf(arn); err == nil {
		for _, tag := range *tags {
			keys["aws:ResourceTag/"+*tag.Key], keys["ecs:ResourceTag/"+*tag.Key] = []string{deref(tag.Value)}, []string{deref(tag.Value)}
		}
	}
	return keys
}

// onSecrets is access to a secret: by its ARN where it exists, by its name where it does not.
func (s *Server) onSecrets(do access, in any) []access {
	id := ""
	switch in := in.(type) {
	case *secretsmanager.CreateSecretInput:
		return s.creatingSecret(do, in)
	case *secretsmanager.DeleteSecretInput:
		id = *in.SecretId
		do = do.with(map[string][]string{"secretsmanager:ForceDeleteWithoutRecovery": {strconv.FormatBool(deref(in.ForceDeleteWithoutRecovery))}})
		if in.RecoveryWindowInDays != nil {
			do = do.with(map[string][]string{"secretsmanager:RecoveryWindowInDays": {strconv.FormatInt(*in.RecoveryWindowInDays, 10)}})
		}
	case *secretsmanager.TagResourceInput:
		id = *in.SecretId
		do = do.with(requestTags(plainTags(secretTag, in.Tags)))
	case *secretsmanager.UntagResourceInput:
		id = *in.SecretId
		do = do.with(map[string][]string{"aws:TagKeys": in.TagKeys})
	case *secretsmanager.PutSecretValueInput:
		id = *in.SecretId
	case *secretsmanager.UpdateSecretInput:
		id = *in.SecretId
	case *secretsmanager.DescribeSecretInput:
		id = *in.SecretId
	case *secretsmanager.GetSecretValueInput:
		id = *in.SecretId
	case *secretsmanager.GetResourcePolicyInput:
		id = *in.SecretId
	case *secretsmanager.RestoreSecretInput:
		id = *in.SecretId
	default: // ListSecrets
		return []access{do}
	}
	return []access{s.onSecret(do, id)}
}

func (s *Server) onSecret(do access, id string) access {
	x := s.findSecret(id)
	if x == nil {
		do.shown, do.resource = id, id
		if !strings.HasPrefix(id, "arn:") {
			do.resource = s.arn("secretsmanager", "secret:"+id)
		}
		return do.with(map[string][]string{"secretsmanager:SecretId": {do.resource}})
	}
	keys := map[string][]string{"secretsmanager:SecretId": {x.arn}}
	for _, tag := range x.tags {
		keys["aws:ResourceTag/"+*tag.Key], keys["secretsmanager:ResourceTag/"+*tag.Key] = []string{deref(tag.Value)}, []string{deref(tag.Value)}
	}
	return do.on(x.arn).with(keys)
}

// creatingSecret also needs to tag, where the secret has tags (API reference: CreateSecret).
func (s *Server) creatingSecret(do access, in *secretsmanager.CreateSecretInput) []access {
	do.resource, do.shown = s.arn("secretsmanager", "secret:"+*in.Name), *in.Name
	do = do.with(requestTags(plainTags(secretTag, in.Tags))).with(map[string][]string{"secretsmanager:Name": {*in.Name}})
	all := []access{do}
	if len(in.Tags) > 0 {
		tag := do
		tag.action = "secretsmanager:TagResource"
		all = append(all, tag)
	}
	return all
}

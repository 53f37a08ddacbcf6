package fargatesim

import (
	"fmt"
	"reflect"
)

// required lists the members that AWS's API model calls required, by the SDK's name of the structure.
// The SDK checks them in the client and does not export them, so they are written out here. Names that two services
// share carry the service.
var required = map[string][]string{
	"CapacityProviderStrategyItem":          {"CapacityProvider"},
	"ClusterServiceConnectDefaultsRequest":  {"Namespace"},
	"ContainerDependency":                   {"ContainerName", "Condition"},
	"ContainerRestartPolicy":                {"Enabled"},
	"Device":                                {"HostPath"},
	"EBSTagSpecification":                   {"ResourceType"},
	"EFSVolumeConfiguration":                {"FileSystemId"},
	"EnvironmentFile":                       {"Value", "Type"},
	"FirelensConfiguration":                 {"Type"},
	"HealthCheck":                           {"Command"},
	"HostEntry":                             {"Hostname", "IpAddress"},
	"LogConfiguration":                      {"LogDriver"},
	"AwsVpcConfiguration":                   {"Subnets"},
	"RepositoryCredentials":                 {"CredentialsParameter"},
	"ResourceRequirement":                   {"Value", "Type"},
	"S3FilesVolumeConfiguration":            {"FileSystemArn"},
	"Secret":                                {"Name", "ValueFrom"},
	"TaskManagedEBSVolumeConfiguration":     {"RoleArn"},
	"TaskManagedEBSVolumeTerminationPolicy": {"DeleteOnTermination"},
	"TaskVolumeConfiguration":               {"Name"},
	"Tmpfs":                                 {"ContainerPath"},
	"Ulimit":                                {"Name"},

	"DeleteClusterInput":            {"Cluster"},
	"DeleteTaskDefinitionsInput":    {"TaskDefinitions"},
	"DeregisterTaskDefinitionInput": {"TaskDefinition"},
	"DescribeTaskDefinitionInput":   {"TaskDefinition"},
	"DescribeTasksInput":            {"Tasks"},
	"ListTagsForResourceInput":      {"ResourceArn"},
	"RegisterTaskDefinitionInput":   {"Family", "ContainerDefinitions"},
	"RunTaskInput":                  {"TaskDefinition"},
	"StopTaskInput":                 {"Task"},
	"TagResourceInput":              {"ResourceArn", "Tags"},
	"UntagResourceInput":            {"ResourceArn", "TagKeys"},

	"CreateLogGroupInput":     {"LogGroupName"},
	"DeleteLogGroupInput":     {"LogGroupName"},
	"GetLogEventsInput":       {"LogStreamName"},
	"PutRetentionPolicyInput": {"LogGroupName", "RetentionInDays"},

	"CreateSecretInput":                 {"Name"},
	"DeleteSecretInput":                 {"SecretId"},
	"DescribeSecretInput":               {"SecretId"},
	"GetResourcePolicyInput":            {"SecretId"},
	"GetSecretValueInput":               {"SecretId"},
	"PutSecretValueInput":               {"SecretId"},
	"RestoreSecretInput":                {"SecretId"},
	"UpdateSecretInput":                 {"SecretId"},
	"secretsmanager.TagResourceInput":   {"SecretId", "Tags"},
	"secretsmanager.UntagResourceInput": {"SecretId", "TagKeys"},
}

// checkRequired walks a request and refuses it where a required member is missing.
func checkRequired(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return checkRequired(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkRequired(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return checkRequiredMembers(v, path)
	}
	return nil
}

func checkRequiredMembers(v reflect.Value, path string) error {
	if v.Type() == timeType {
		return nil
	}
	names, own := required[v.Type().String()]
	if !own {
		names = required[v.Type().Name()]
	}
	for _, name := range names {
		if isAbsent(v.FieldByName(name)) {
			return invalidParameter("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null",
				join(path, lowerFirst(name)))
		}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" {
			continue
		}
		if err := checkRequired(v.Field(i), join(path, lowerFirst(f.Name))); err != nil {
			return err
		}
	}
	return nil
}

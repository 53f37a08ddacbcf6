package fargatesim

// ecsOperations is what this ECS can do. The other operations are refused as unknown.
var ecsOperations = map[string]operation{
	"CreateCluster":              jsonOperation((*Server).createCluster),
	"DescribeClusters":           jsonOperation((*Server).describeClusters),
	"ListClusters":               jsonOperation((*Server).listClusters),
	"DeleteCluster":              jsonOperation((*Server).deleteCluster),
	"RegisterTaskDefinition":     jsonOperation((*Server).registerTaskDefinition),
	"DescribeTaskDefinition":     jsonOperation((*Server).describeTaskDefinition),
	"DeregisterTaskDefinition":   jsonOperation((*Server).deregisterTaskDefinition),
	"DeleteTaskDefinitions":      jsonOperation((*Server).deleteTaskDefinitions),
	"ListTaskDefinitions":        jsonOperation((*Server).listTaskDefinitions),
	"ListTaskDefinitionFamilies": jsonOperation((*Server).listTaskDefinitionFamilies),
	"RunTask":                    jsonOperation((*Server).runTask),
	"StopTask":                   jsonOperation((*Server).stopTask),
	"DescribeTasks":              jsonOperation((*Server).describeTasks),
	"ListTasks":                  jsonOperation((*Server).listTasks),
	"TagResource":                jsonOperation((*Server).tagResource),
	"UntagResource":              jsonOperation((*Server).untagResource),
	"ListTagsForResource":        jsonOperation((*Server).listTagsForResource),
}

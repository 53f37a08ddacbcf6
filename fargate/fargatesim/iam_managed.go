package fargatesim

// AmazonECSFullAccess is the part of AWS's managed policy AmazonECS_FullAccess that concerns the services here: all of
// ECS, describing the network, CloudWatch Logs without GetLogEvents, handing roles to tasks. No Secrets Manager.
const AmazonECSFullAccess = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ECSIntegrationsManagementPolicy",
      "Effect": "Allow",
      "Action": ["ecs:*", "ec2:Describe*", "logs:CreateLogGroup", "logs:DescribeLogGroups", "logs:FilterLogEvents"],
      "Resource": ["*"]
    },
    {
      "Sid": "TasksPassRolePolicy",
      "Effect": "Allow",
      "Action": "iam:PassRole",
      "Resource": ["*"],
      "Condition": {"StringLike": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    }
  ]
}`

// AmazonECSTaskExecutionRolePolicy is AWS's managed policy of that name, for execution roles: it writes logs to groups
// that exist, and reads no secrets.
const AmazonECSTaskExecutionRolePolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage",
        "logs:CreateLogStream", "logs:PutLogEvents"
      ],
      "Resource": "*"
    }
  ]
}`

// EcsTrust is the trust policy of an infrastructure role, with which ECS makes EBS volumes (developer guide: Amazon ECS
// infrastructure IAM role).
const EcsTrust = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}
  ]
}`

// EcsTasksTrust is the trust policy of a role for tasks.
const EcsTasksTrust = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
  ]
}`

# What a user keeps beside the Kubernetes cluster: where tasks run, log, and find their secrets.
# TestTerraform sets the variables.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" { type = string }
variable "subnet" { type = string }
variable "image" { type = string }
variable "password" { type = string }
variable "retention" { type = number }
variable "tags" { type = map(string) }

provider "aws" {
  region      = "us-east-1"
  access_key  = "AKIAEXAMPLE"
  secret_key  = "example"
  max_retries = 1 # what is refused is seen at once

  endpoints {
    ec2            = var.endpoint
    ecs            = var.endpoint
    logs           = var.endpoint
    secretsmanager = var.endpoint
    sts            = var.endpoint
  }

  default_tags { tags = var.tags }
}

data "aws_caller_identity" "me" {}

data "aws_subnet" "tasks" {
  id = var.subnet
}

data "aws_subnets" "tasks" {
  filter {
    name   = "vpc-id"
    values = [data.aws_subnet.tasks.vpc_id]
  }
}

data "aws_security_group" "tasks" {
  vpc_id = data.aws_subnet.tasks.vpc_id
  name   = "default"
}

resource "aws_ecs_cluster" "tasks" {
  name = "vk"
  tags = { Name = "tasks" }

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "tasks" {
  name              = "/vk/tasks"
  retention_in_days = var.retention
  tags              = { Name = "tasks" }
}

resource "aws_secretsmanager_secret" "db" {
  name                    = "vk/db"
  description             = "of the database"
  recovery_window_in_days = 0 # gone at once
  tags                    = { Name = "db" }
}

resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = jsonencode({ password = var.password })
}

resource "aws_secretsmanager_secret" "registry" {
  name                    = "vk/registry"
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "registry" {
  secret_id     = aws_secretsmanager_secret.registry.id
  secret_binary = base64encode("bytes")
}

resource "aws_ecs_task_definition" "web" {
  family                   = "web"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/execution"
  tags                     = { Name = "web" }

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }
  ephemeral_storage { size_in_gib = 30 }
  volume { name = "scratch" }

  container_definitions = jsonencode([{
    name                  = "app"
    image                 = var.image
    environment           = [{ name = "MODE", value = "local" }]
    secrets               = [{ name = "PASSWORD", valueFrom = "${aws_secretsmanager_secret.db.arn}:password::" }]
    repositoryCredentials = { credentialsParameter = aws_secretsmanager_secret.registry.arn }
    portMappings          = [{ containerPort = 8080 }]
    mountPoints           = [{ sourceVolume = "scratch", containerPath = "/scratch" }]
    healthCheck           = { command = ["CMD", "true"] }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.tasks.name
        awslogs-region        = "us-east-1"
        awslogs-stream-prefix = "vk"
      }
    }
  }])
}

output "found" {
  value = [data.aws_caller_identity.me.account_id, data.aws_subnet.tasks.arn, data.aws_subnet.tasks.cidr_block,
  join(" ", data.aws_subnets.tasks.ids), data.aws_security_group.tasks.arn]
}

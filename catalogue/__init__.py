"""Which data, whose, for whom? Words: resource 信息资源, app 应用, share 共享, owner 权属部门."""
